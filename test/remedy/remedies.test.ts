/** Remedies one by one: which keep the network's function, and what the others make of it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LayerConfig } from '../../src/model/config.ts'
import { buildModel, sizeOf } from '../../src/model/build.ts'
import { initialize } from '../../src/model/initializers.ts'
import { withDefaults } from '../../src/optim/optimizers.ts'
import { normalAt } from '../../src/random/normal.ts'
import { lookInside } from '../../src/remedy/look.ts'
import { admit, discharge, freshTensor } from '../../src/remedy/patient.ts'
import type { Patient } from '../../src/remedy/patient.ts'
import type { Case, Remedy, Treatment } from '../../src/remedy/remedy.ts'
import { swapActivation, swapSigmoids, swapWhereNarrow } from '../../src/remedy/remedies/activation.ts'
import { initialise } from '../../src/remedy/remedies/initialise.ts'
import { insertNorm } from '../../src/remedy/remedies/normalise.ts'
import { rescale } from '../../src/remedy/remedies/rescale.ts'
import { letLeak, reviveUnits } from '../../src/remedy/remedies/revive.ts'
import {
  cutRate,
  enlargeBatch,
  raiseBoldly,
  tameBoldly,
  tameRate,
  tripleRate,
  useAdam,
  useAdamBoldly,
} from '../../src/remedy/remedies/rate.ts'
import { scaleTargets } from '../../src/remedy/remedies/scale.ts'
import { rollBackOnce, stopRise } from '../../src/remedy/remedies/settings.ts'
import { addShortcuts, addShortcutsWhereDeep, silenceBranches } from '../../src/remedy/remedies/shortcuts.ts'

const rows = 64
const inputs = 6
const x = Float32Array.from({ length: rows * inputs }, (_, i) => normalAt(5, 0, i))
const calibration = { rows, x, kernels: { name: 'reference', reason: 'the oracle' }, module: null } as const

type Hidden = 'relu' | 'tanh' | 'elu' | 'sigmoid'
const dense = (units: number, activation?: Hidden, name?: string): LayerConfig => ({
  type: 'dense',
  units,
  name,
  ...(activation ? { activation: { type: activation } } : {}),
})

function patientOf(
  layers: LayerConfig[],
  change: (name: string, values: Float32Array) => void = () => {},
  seed = 7,
): Patient {
  const model = buildModel({ layers }, inputs)
  const optimizer = withDefaults({ type: 'adam' })
  const parameters = model.parameters.map((spec, stream) => {
    const values = new Float32Array(sizeOf(spec.shape))
    initialize(spec, seed, stream, values)
    change(spec.name, values)
    return values
  })
  const tensors = parameters.map((values) => freshTensor(values, optimizer))
  const slots = [0, 1].map((s) => tensors.map((tensor) => tensor.slots[s]!))
  const rest = {
    ...{ optimizer, schedule: { type: 'constant' }, clip: { mode: 'off' } },
    ...{ canNormalise: true, gradient: 'auto', loss: { type: 'meanSquaredError' } },
  }
  return admit(model, { parameters, slots }, { ...rest, updates: 3, seed } as never)
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

  /** Networks of any depth, some of whose ReLUs are silent on every row, inside of a shortcut too. */
  const someSilent = fc
    .record({
      widths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      /** By hidden unit, in turn. */
      silent: fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
      others: fc.array(fc.constantFrom<Hidden>('relu', 'relu', 'tanh', 'elu'), { minLength: 4, maxLength: 4 }),
      block: fc.boolean(),
      seed: fc.nat(2 ** 31 - 1),
    })
    .map(({ widths, silent, others, block, seed }) => {
      const hidden = widths.map((units, i) => dense(units, i === 0 ? 'relu' : others[i], `h${i}`))
      const inner = [dense(5, 'relu', 'h9'), dense(widths.at(-1)!, undefined, 'z')]
      const layers = [...hidden, ...(block ? [{ type: 'residual', name: 'b', layers: inner } as LayerConfig] : [])]
      const hush = (name: string, values: Float32Array) => {
        if (/h\d\/bias$/.test(name)) values.forEach((_, i) => (values[i] = silent[i % silent.length] ? -1e3 : 0))
      }
      return patientOf([...layers, dense(2, undefined, 'out')], hush, seed)
    })

  /** Equal numbers, one by one; 0 and -0 are equal. */
  const expectSame = async (treated: Patient, patient: Patient) => {
    const [after, before] = [await outputOf(treated), await outputOf(patient)]
    expect(after.length).toBe(before.length)
    expect(after.findIndex((y, i) => y !== before[i])).toBe(-1)
  }

  it('revive silent units: the same outputs, to the bit, and each unit is active on half of the rows', async () => {
    let revived = 0
    await fc.assert(
      fc.asyncProperty(someSilent, fc.nat(1), async (patient, tries) => {
        const told = structuredClone([...patient.tensors])
        const treatment = (await treat(reviveUnits, patient, { tries })) as Treatment | null
        // The patient that was given is as it was.
        expect([...patient.tensors]).toEqual(told)
        if (!treatment) return
        expect(treatment.then).toBe('continue')
        await expectSame(treatment.patient, patient)
        // Nothing is left to do, in layers behind those that were revived neither.
        expect(await treat(reviveUnits, treatment.patient)).toBeNull()
        const { layers } = await lookInside(treatment.patient, calibration)
        for (const change of treatment.changes) {
          const [, path, count, units] = /^(.*): (\d+) of (\d+) units revived$/.exec(change)!
          const { output } = layers.find((one) => one.path === `${path}:activation`)!
          const kernelOf = (from: Patient) => from.tensors.get(`${path!}/kernel`)!.values
          const [old, anew] = [kernelOf(patient), kernelOf(treatment.patient)]
          const numUnits = Number(units)
          // Weights from units that were revived before it became 0.
          const drawn = Array.from({ length: numUnits }, (_, unit) => unit).filter((unit) =>
            anew.some((w, at) => at % numUnits === unit && w !== 0 && w !== old[at]),
          )
          expect(drawn).toHaveLength(Number(count))
          for (const unit of drawn) {
            const active = Array.from({ length: rows }, (_, r) => output[r * numUnits + unit]! > 0).filter(Boolean)
            expect(active.length).toBeGreaterThan(0)
            // No two rows of the features are alike.
            if (path === 'h0') expect(Math.abs(active.length - rows / 2)).toBeLessThanOrEqual(1)
          }
          const bias = patient.tensors.get(`${path!}/bias`)!.values
          if (path === 'h0') expect(drawn).toEqual([...bias.keys()].filter((unit) => bias[unit] === -1e3))
          revived += drawn.length
        }
      }),
      { numRuns: 60 },
    )
    expect(revived).toBeGreaterThan(60)
  })

  it('ReLU to PReLU: the same outputs, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(someSilent, async (patient) => {
        const { patient: treated } = await treat(letLeak, patient)
        expect(JSON.stringify(treated.model.layers)).toContain('"prelu"')
        expect(JSON.stringify(treated.model.layers)).not.toContain('"relu"')
        await expectSame(treated, patient)
      }),
      { numRuns: 60 },
    )
  })

  it('a zero shortcut leaves only what goes around: the network without its branches, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(2 ** 31 - 1), async (blocks, seed) => {
        const block = (i: number): LayerConfig => ({
          type: 'residual',
          name: `b${i}`,
          layers: [dense(4, 'relu', 'a'), dense(4, undefined, 'z')],
        })
        const ends = [dense(4, 'tanh', 'in'), dense(2, undefined, 'out')] as const
        const network = [ends[0], ...Array.from({ length: blocks }, (_, i) => block(i)), ends[1]]
        const { patient } = await treat(silenceBranches, patientOf(network, undefined, seed))
        const around = { ...patient, model: { ...patient.model, layers: [...ends] } }
        await expectSame(patient, around)
      }),
      { numRuns: 40 },
    )
  })
})

describe('batch normalisation put in', () => {
  const given = fc.record({
    widths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    activations: fc.array(fc.constantFrom<Hidden>('relu', 'tanh', 'elu', 'sigmoid'), { minLength: 4, maxLength: 4 }),
    /** Weights are 2^scale times what they are initialised with: larger ones would magnify what float32 rounds. */
    scale: fc.integer({ min: -3, max: 0 }),
    seed: fc.nat(2 ** 31 - 1),
  })

  it('leaves the outputs as they were to 1e-5, and normalises every hidden layer', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ({ widths, activations, scale, seed }) => {
        const hidden = widths.map((units, i) => dense(units, activations[i], `h${i}`))
        const enlarge = (_: string, values: Float32Array) => values.forEach((w, i) => (values[i] = 2 ** scale * w))
        const patient = patientOf([...hidden, dense(2, undefined, 'out')], enlarge, seed)
        const before = await outputOf(patient)
        const { patient: treated, then } = await treat(insertNorm, patient)
        expect(then).toBe('continue')
        const after = await outputOf(treated)
        after.forEach((y, i) => expect(Math.abs(y - before[i]!)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(before[i]!))))
        const parts = ['dense', 'batchNorm', 'activation']
        expect(treated.model.layers.map(({ type }) => type)).toEqual([...widths.flatMap(() => parts), 'dense'])
        // Every parameter of the new network was given: none is drawn anew.
        for (const { name } of discharge(treated).model.parameters) expect(treated.tensors.has(name)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('is not put in where a batch is not worked off as a whole', async () => {
    const now = { ...patientOf([dense(8, 'relu', 'h1'), dense(2)]), canNormalise: false }
    expect(await insertNorm.treat({ now, calibration } as unknown as Case)).toBeNull()
  })
})

describe('remedies of the beginning', () => {
  it('new weights have the variance of their initialiser within 4 standard errors, and no two units are alike', async () => {
    const given = fc.record({
      widths: fc.array(fc.integer({ min: 8, max: 120 }), { minLength: 1, maxLength: 3 }),
      activations: fc.array(fc.constantFrom<Hidden>('relu', 'tanh', 'sigmoid'), { minLength: 3, maxLength: 3 }),
      tries: fc.nat(1),
      seed: fc.nat(2 ** 31 - 1),
    })
    await fc.assert(
      fc.asyncProperty(given, async ({ widths, activations, tries, seed }) => {
        const hidden = widths.map((units, i) => dense(units, activations[i], `h${i}`))
        const same = patientOf([...hidden, dense(1, undefined, 'out')], (_, values) => void values.fill(0), seed)
        const { patient: treated, then } = await treat(initialise, same, { tries })
        expect(then).toBe('restart')
        const { weights, model } = discharge(treated)
        widths.forEach((units, i) => {
          const kernel = weights.parameters[model.parameters.findIndex(({ name }) => name === `h${i}/kernel`)]!
          const [fanIn, n] = [kernel.length / units, kernel.length]
          const variance = kernel.reduce((sum, w) => sum + w * w, 0) / n
          // He: normal, of variance 2 / fan-in. Glorot: uniform, of 2 / (fan-in + fan-out), whose square varies by 4 / 5 of it.
          const isHe = activations[i] === 'relu'
          const wanted = 2 / (isHe ? fanIn : fanIn + units)
          expect(Math.abs(variance - wanted)).toBeLessThan(4 * wanted * Math.sqrt((isHe ? 2 : 4 / 5) / n))
          const columns = Array.from({ length: units }, (_, u) => kernel.filter((__, at) => at % units === u).join())
          expect(new Set(columns).size).toBe(units)
        })
      }),
      // What lies within 4 standard errors does so in all draws but one of 16,000: these are known.
      { numRuns: 60, seed: 52 },
    )
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
    // What holds for long is nearer to right, unless it was that which was complained of.
    const late = { start: patient, now: patient, firstUpdate: 1, age: 64 }
    const complaint = (code: string) => ({ ...late, complaint: { code, layer: undefined } }) as unknown as Case
    expect(tameRate.treat(complaint('GRAD_EXPLODING'))).toBeNull()
    expect(tameRate.treat(complaint('LR_IMPLAUSIBLE'))).toMatchObject({ then: 'restart' })
  })

  it('a batch of few rows becomes one of 32, with a rate that is too high for those as well held to 10 %', async () => {
    const optimizer = withDefaults({ type: 'sgd', learningRate: 1 })
    const patient: Patient = { ...patientOf([dense(2)]), optimizer, batchSize: 4 }
    const of = async (firstUpdate: number) => (await treat(enlargeBatch, patient, { firstUpdate })).patient
    expect(await of(-2)).toMatchObject({ batchSize: 32, optimizer, schedule: { type: 'linear', endFactor: 0 } })
    expect(await of(-1.2)).toMatchObject({ batchSize: 32, optimizer, schedule: { type: 'linear', endFactor: 0 } })
    const { batchSize, schedule, optimizer: tamed } = await of(1)
    expect([batchSize, schedule.type, tamed.learningRate]).toEqual([32, 'linear', 0.01])
    for (const batchSize of [9, 'full'] as const) {
      expect(enlargeBatch.treat({ start: { ...patient, batchSize } } as Case)).toBeNull()
    }
  })

  it('a rate that is tripled, or high, or that had to be cut, falls to 0 by the end, unless it has a schedule', async () => {
    const step = { type: 'step', stepSize: 100, gamma: 0.5 } as const
    const patient = { ...patientOf([dense(2)]), optimizer: withDefaults({ type: 'sgd', learningRate: 0.02 }) }
    const cut = { healthy: patient, scheduled: 1, healthyRate: 0.02 }
    for (const [remedy, rate, given] of [
      [tripleRate, 0.06, { firstUpdate: -2 }],
      [raiseBoldly, 0.2, { firstUpdate: -2 }],
      [useAdamBoldly, 0.01, {}],
      [cutRate, 0.01, cut],
      [cutRate, 0.006, { firstUpdate: -0.9 }],
    ] as const) {
      const { patient: treated } = await treat(remedy, patient, given)
      expect(treated.optimizer.learningRate).toBeCloseTo(rate, 12)
      expect(treated.schedule).toEqual({ type: 'linear', endFactor: 0 })
      const scheduled = { ...patient, schedule: step }
      const kept = await treat(remedy, scheduled, { ...given, ...('healthy' in given && { healthy: scheduled }) })
      expect(kept.patient.schedule).toEqual(step)
    }
    // Three times 10^-1.4 is more than a tenth of the weights in the first step.
    expect(tripleRate.treat({ start: patient, now: patient, firstUpdate: -1.4 } as unknown as Case)).toBeNull()
    // Up to 10 % it may be ten times as much, and where that is hardly more than tripled, there is nothing to try.
    expect((await treat(raiseBoldly, patient, { firstUpdate: -1.7 })).patient.optimizer.learningRate).toBeCloseTo(
      0.1,
      2,
    )
    expect(raiseBoldly.treat({ start: patient, now: patient, firstUpdate: -1.5 } as unknown as Case)).toBeNull()
    // Anew, with a rate that is plausible once it is cut.
    expect((await treat(cutRate, patient, { firstUpdate: -1.2 })).patient.schedule).toEqual({ type: 'constant' })
  })

  it('a schedule that has raised the rate far beyond its base is stopped: at the rate that was well, or the first one', async () => {
    const schedule = { type: 'step', stepSize: 100, gamma: 50 } as const
    const patient: Patient = {
      ...patientOf([dense(2)]),
      optimizer: withDefaults({ type: 'sgd', learningRate: 0.1 }),
      schedule,
    }
    const healthy = { ...patient, updates: 90 }
    const constant = { schedule: { type: 'constant' } }
    const late = await treat(stopRise, patient, { scheduled: 50, healthy, healthyRate: Math.fround(0.02) })
    expect(late).toMatchObject({
      then: 'continue',
      patient: { ...constant, updates: 90, optimizer: { learningRate: 0.02 } },
    })
    expect(late.changes).toEqual(['schedule step -> constant', 'learning rate 5 -> 0.02'])
    const early = await treat(stopRise, patient, { scheduled: 50 })
    expect(early).toMatchObject({ then: 'restart', patient: { ...constant, optimizer: { learningRate: 0.1 } } })
    expect(stopRise.treat({ start: patient, now: patient, healthy: null, scheduled: 3 } as unknown as Case)).toBeNull()
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

  it('five sigmoids in a row are swapped whatever the weights, four and other activations are not', () => {
    const stack = (depth: number, activation: Hidden) =>
      patientOf([
        ...Array.from({ length: depth }, (_, i) => dense(16, activation, `h${i}`)),
        dense(2, undefined, 'out'),
      ])
    const swapped = (start: Patient) => swapSigmoids.treat({ start, tries: 0 } as unknown as Case)
    expect(swapped(stack(5, 'sigmoid'))).toMatchObject({ then: 'restart' })
    for (const start of [stack(4, 'sigmoid'), stack(9, 'tanh')]) expect(swapped(start)).toBeNull()
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
