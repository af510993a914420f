/** Remedies one by one: which keep the network's function, and what the others make of it. */
import { describe, expect, it } from 'vitest'
import type { LayerConfig } from '../../src/model/config.ts'
import { buildModel, sizeOf } from '../../src/model/build.ts'
import { initialize } from '../../src/model/initializers.ts'
import { withDefaults } from '../../src/optim/optimizers.ts'
import { normalAt } from '../../src/random/normal.ts'
import { lookInside } from '../../src/remedy/look.ts'
import { admit, discharge, freshTensor } from '../../src/remedy/patient.ts'
import type { Patient } from '../../src/remedy/patient.ts'
import type { Case, Remedy } from '../../src/remedy/remedy.ts'
import { swapActivation, swapWhereNarrow } from '../../src/remedy/remedies/activation.ts'
import { initialise } from '../../src/remedy/remedies/initialise.ts'
import { insertNorm } from '../../src/remedy/remedies/normalise.ts'
import { rescale } from '../../src/remedy/remedies/rescale.ts'
import { letLeak, reviveUnits } from '../../src/remedy/remedies/revive.ts'
import { cutRate, tameBoldly, tameRate, tripleRate, useAdam, useAdamBoldly } from '../../src/remedy/remedies/rate.ts'
import { scaleTargets } from '../../src/remedy/remedies/scale.ts'
import { rollBackOnce } from '../../src/remedy/remedies/settings.ts'
import { addShortcuts, addShortcutsWhereDeep, silenceBranches } from '../../src/remedy/remedies/shortcuts.ts'

const rows = 64
const inputs = 6
const x = Float32Array.from({ length: rows * inputs }, (_, i) => normalAt(5, 0, i))
const calibration = { rows, x, kernels: { name: 'reference', reason: 'the oracle' }, module: null } as const

const dense = (units: number, activation?: 'relu' | 'tanh', name?: string): LayerConfig => ({
  type: 'dense',
  units,
  name,
  ...(activation ? { activation: { type: activation } } : {}),
})

function patientOf(layers: LayerConfig[], change: (name: string, values: Float32Array) => void = () => {}): Patient {
  const model = buildModel({ layers }, inputs)
  const optimizer = withDefaults({ type: 'adam' })
  const parameters = model.parameters.map((spec, stream) => {
    const values = new Float32Array(sizeOf(spec.shape))
    initialize(spec, 7, stream, values)
    change(spec.name, values)
    return values
  })
  const tensors = parameters.map((values) => freshTensor(values, optimizer))
  const slots = [0, 1].map((s) => tensors.map((tensor) => tensor.slots[s]!))
  const rest = {
    ...{ optimizer, schedule: { type: 'constant' }, clip: { mode: 'off' } },
    ...{ canNormalise: true, gradient: 'auto', loss: { type: 'meanSquaredError' } },
  }
  return admit(model, { parameters, slots }, { ...rest, updates: 3, seed: 7 } as never)
}

const treat = async (remedy: Remedy, patient: Patient, more: Partial<Case> = {}) => {
  const given = { now: patient, start: patient, healthy: null, tries: 0, calibration, ...more } as unknown as Case
  return (await remedy.treat(given))!
}
const outputOf = async (patient: Patient) => (await lookInside(patient, calibration)).output

/** Some of the units of h1 are silent on every row. */
const halfSilent = () =>
  patientOf([dense(8, 'relu', 'h1'), dense(5, 'relu', 'h2'), dense(2, undefined, 'out')], (name, values) => {
    if (name === 'h1/bias') values.fill(-100, 0, 4)
  })

describe('remedies that keep the function', () => {
  it('go back to the last healthy state once where the cause may be there still, and nowhere without one', () => {
    const [now, healthy] = [halfSilent(), patientOf([dense(2)])]
    const asked = (more: Partial<Case>) => rollBackOnce.treat({ now, start: now, healthy, tries: 0, ...more } as Case)
    expect(asked({})).toMatchObject({ patient: healthy, then: 'continue' })
    expect(asked({ tries: 1 })).toBeNull()
    expect(asked({ healthy: null })).toBeNull()
  })

  it('revive silent units: the same outputs, to the bit, and no unit is silent', async () => {
    const patient = halfSilent()
    const { patient: treated, then } = await treat(reviveUnits, patient)
    expect(then).toBe('continue')
    expect(await outputOf(treated)).toEqual(await outputOf(patient))
    const { layers } = await lookInside(treated, calibration)
    const h1 = layers.find(({ path }) => path === 'h1:activation')!
    for (let unit = 0; unit < 8; unit++) {
      const active = Array.from({ length: rows }, (_, r) => h1.output[r * 8 + unit]!).filter((a) => a > 0).length
      expect(active).toBeGreaterThan(0)
      if (unit < 4) expect(active).toBeGreaterThanOrEqual(rows / 2 - 1)
    }
    // The patient that was given is as it was.
    expect(patient.tensors.get('h1/bias')!.values[0]).toBe(-100)
  })

  it('ReLU to PReLU: the same outputs, to the bit', async () => {
    const patient = halfSilent()
    const { patient: treated } = await treat(letLeak, patient)
    expect(discharge(treated).model.layers.map(({ type }) => type)).toContain('prelu')
    expect(await outputOf(treated)).toEqual(await outputOf(patient))
  })
})

describe('batch normalisation put in', () => {
  it('leaves the outputs as they were to 1e-5, and normalises every hidden layer', async () => {
    const patient = patientOf([dense(8, 'relu', 'h1'), dense(5, 'tanh', 'h2'), dense(2, undefined, 'out')])
    const before = await outputOf(patient)
    const { patient: treated, then } = await treat(insertNorm, patient)
    expect(then).toBe('continue')
    const after = await outputOf(treated)
    after.forEach((y, i) => expect(Math.abs(y - before[i]!)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(before[i]!))))
    expect(treated.model.layers.map(({ type }) => type)).toEqual([
      'dense',
      'batchNorm',
      'activation',
      'dense',
      'batchNorm',
      'activation',
      'dense',
    ])
    // Every parameter of the new network was given: none is drawn anew.
    for (const { name } of discharge(treated).model.parameters) expect(treated.tensors.has(name)).toBe(true)
    expect(
      await insertNorm.treat({ now: { ...patient, canNormalise: false }, calibration } as unknown as Case),
    ).toBeNull()
  })
})

describe('remedies of the beginning', () => {
  it('new weights have the variance of their initialiser within 4 standard errors, and no two units are alike', async () => {
    const patient = patientOf(
      [dense(200, 'relu', 'h1'), dense(150, 'relu', 'h2'), dense(1, undefined, 'out')],
      (_, v) => {
        v.fill(0)
      },
    )
    const { patient: treated, then } = await treat(initialise, patient)
    expect(then).toBe('restart')
    const { weights, model } = discharge(treated)
    const kernel = weights.parameters[model.parameters.findIndex(({ name }) => name === 'h2/kernel')]!
    const variance = kernel.reduce((sum, w) => sum + w * w, 0) / kernel.length
    const wanted = 2 / 200
    expect(Math.abs(variance - wanted)).toBeLessThan(4 * wanted * Math.sqrt(2 / kernel.length))
    const columns = new Set(Array.from({ length: 150 }, (_, c) => `${kernel[c]},${kernel[c + 150]}`))
    expect(columns.size).toBe(150)
  })

  it('rescaled weights give every hidden layer a signal of size 1 (sqrt 2 before a ReLU)', async () => {
    const patient = patientOf(
      [dense(40, 'tanh', 'h1'), dense(40, 'relu', 'h2'), dense(1, undefined, 'out')],
      (name, v) => {
        if (name.endsWith('kernel')) v.forEach((w, i) => (v[i] = 300 * w))
      },
    )
    const { patient: treated } = await treat(rescale, patient)
    const { layers } = await lookInside(treated, calibration)
    const rms = (path: string) => {
      const { output } = layers.find((one) => one.path === path)!
      return Math.sqrt(output.reduce((sum, z) => sum + z * z, 0) / output.length)
    }
    expect(rms('h1')).toBeCloseTo(1, 4)
    expect(rms('h2')).toBeCloseTo(Math.SQRT2, 4)
  })

  it('branches that start at 0 leave the shortcut alone', async () => {
    const block: LayerConfig = {
      type: 'residual',
      name: 'b',
      layers: [dense(inputs, 'relu', 'a'), dense(inputs, undefined, 'z')],
    }
    const { patient } = await treat(silenceBranches, patientOf([block]))
    expect(await outputOf(patient)).toEqual(x)
  })

  it('targets out of scale: the network learns them standardised, and answers in their own unit', async () => {
    const patient = patientOf([dense(9, 'tanh', 'h1'), dense(2, undefined, 'out')])
    const data = { target: 1e4, targetMean: [5e3, -2e3], targetDeviation: 4e3 } as unknown as Case['data']
    const { patient: treated } = await treat(scaleTargets, patient, { data })
    const before = await outputOf(patient)
    const after = await outputOf(treated)
    after.forEach((y, i) => expect(y).toBeCloseTo(4e3 * before[i]! + [5e3, -2e3][i % 2]!, 1))
    const { model } = discharge(treated)
    const scale = model.parameters.filter(({ role }) => role === 'frozen').map(({ name }) => name)
    expect(scale).toEqual(['out_scale/kernel', 'out_scale/bias'])
    // What gives the targets their scale survives a new draw of the weights.
    const { patient: anew } = await treat(initialise, treated)
    for (const name of scale) expect(anew.tensors.get(name)).toEqual(treated.tensors.get(name))
    expect(anew.tensors.has('h1/kernel')).toBe(false)
  })

  it('a tamed rate takes what the schedule ends with along', async () => {
    const schedule = { type: 'cosine', minimum: 0.5 } as const
    const patient = { ...patientOf([dense(2, undefined, 'out')]), schedule }
    const { patient: treated } = await treat(tameRate, patient, { firstUpdate: 1, age: 0 })
    const factor = treated.optimizer.learningRate / patient.optimizer.learningRate
    expect(factor).toBeCloseTo(1e-3, 8)
    expect(treated.schedule).toEqual({ ...schedule, minimum: 0.5 * factor })
  })

  it('Adam in place of SGD begins with a state of its own', async () => {
    const patient = { ...patientOf([dense(2, undefined, 'out')]), optimizer: withDefaults({ type: 'sgd' }) }
    const { patient: treated } = await treat(useAdam, patient)
    expect(treated.optimizer.type).toBe('adam')
    expect(treated.tensors.get('out/kernel')!.slots).toHaveLength(2)
    expect(useAdam.treat({ start: treated } as unknown as Case)).toBeNull()
  })

  it('Adam takes the rates of a schedule along: 0.5 of 5 becomes 0.0003 of 0.003', async () => {
    const optimizer = withDefaults({ type: 'sgd', learningRate: 5 })
    const schedule = { type: 'cosine', steps: 100, restarts: true, minimum: 0.5 } as const
    const { patient: treated } = await treat(useAdam, { ...patientOf([dense(2)]), optimizer, schedule })
    expect(treated.optimizer.learningRate).toBe(0.003)
    expect(treated.schedule).toMatchObject({ type: 'cosine', minimum: 0.5 * (0.003 / 5) })
  })

  it('a first update of 10 times the weights is tamed to 1 %, or less tamed to 3 %', async () => {
    const optimizer = withDefaults({ type: 'sgd', learningRate: 1 })
    const patient = { ...patientOf([dense(2)]), optimizer }
    const of = async (remedy: Remedy) =>
      (await treat(remedy, patient, { firstUpdate: 1, age: 3 })).patient.optimizer.learningRate
    expect(await of(tameRate)).toBeCloseTo(0.001)
    expect(await of(tameBoldly)).toBeCloseTo(10 ** -2.5)
    expect(tameBoldly.treat({ start: patient, now: patient, firstUpdate: -2, age: 3 } as unknown as Case)).toBeNull()
  })

  it('a rate that is tripled, or high, or that had to be cut, falls to 0 by the end, unless it has a schedule', async () => {
    const step = { type: 'step', stepSize: 100, gamma: 0.5 } as const
    const patient = { ...patientOf([dense(2)]), optimizer: withDefaults({ type: 'sgd', learningRate: 0.02 }) }
    const cut = { healthy: patient, scheduled: 1, healthyRate: 0.02 }
    for (const [remedy, rate, given] of [
      [tripleRate, 0.06, { firstUpdate: -2 }],
      [useAdamBoldly, 0.01, {}],
      [cutRate, 0.01, cut],
    ] as const) {
      const { patient: treated } = await treat(remedy, patient, given)
      expect(treated.optimizer.learningRate).toBeCloseTo(rate, 12)
      expect(treated.schedule).toEqual({ type: 'linear' })
      const scheduled = { ...patient, schedule: step }
      const kept = await treat(remedy, scheduled, { ...given, ...('healthy' in given && { healthy: scheduled }) })
      expect(kept.patient.schedule).toEqual(step)
    }
    // Three times 10^-1.4 is more than a tenth of the weights in the first step.
    expect(tripleRate.treat({ start: patient, now: patient, firstUpdate: -1.4 } as unknown as Case)).toBeNull()
  })

  it('a narrow network gets ELUs with shortcuts, a wide one ReLUs without', async () => {
    const stack = (units: number) =>
      patientOf([...Array.from({ length: 8 }, (_, i) => dense(units, 'tanh', `h${i}`)), dense(2, undefined, 'out')])
    const activations = JSON.stringify((await treat(swapActivation, stack(5))).patient.model.layers)
    expect(activations.match(/"elu"/g)).toHaveLength(5)
    expect(activations.match(/"residual"/g)).toHaveLength(3)
    const wide = (await treat(swapActivation, stack(64))).patient.model.layers
    expect(wide.slice(0, -1).every((layer) => layer.type === 'dense' && layer.activation?.type === 'relu')).toBe(true)
    expect(swapWhereNarrow.treat({ start: stack(64), tries: 0 } as unknown as Case)).toBeNull()
    expect(swapWhereNarrow.treat({ start: stack(5), tries: 0 } as unknown as Case)).not.toBeNull()
  })

  it('shortcuts go around every pair of equal layers, and alone where depth itself is the trouble', async () => {
    const stack = (depth: number, activation: 'relu' | 'tanh') =>
      patientOf([
        ...Array.from({ length: depth }, (_, i) => dense(inputs, activation, `h${i}`)),
        dense(2, undefined, 'out'),
      ])
    const { patient: treated } = await treat(addShortcuts, stack(8, 'tanh'))
    expect(treated.model.layers.map(({ type }) => type)).toEqual([...Array<string>(4).fill('residual'), 'dense'])
    expect((await treat(addShortcutsWhereDeep, stack(24, 'relu'))).changes).toHaveLength(13)
    for (const patient of [stack(8, 'relu'), stack(24, 'tanh')]) {
      expect(addShortcutsWhereDeep.treat({ start: patient, tries: 0 } as unknown as Case)).toBeNull()
    }
  })
})
