/** The check before the first step: it names what is wrong at initialisation, changes nothing, and stops what is hopeless. */
import { afterAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/schema.ts'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { TrainingError } from '../../src/errors.ts'
import type { HealthCode, Severity } from '../../src/gradient/verdict.ts'
import { compileFor, resolveKernels } from '../../src/kernels/select.ts'
import { buildModel } from '../../src/model/build.ts'
import { look } from '../../src/train/preflight.ts'
import { resolveTask } from '../../src/train/prepare.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { initialWeights } from '../../src/train/weights.ts'
import { blobs, line } from './data.ts'

const crew = new Crew(1)
afterAll(() => crew.close())

type Layer = Config['model']['layers'][number]
type Given = Omit<Config, 'model'> & { layers: Layer[] }

const hidden = (depth: number, activation: 'relu' | 'sigmoid' | 'tanh', more: object = {}): Layer[] =>
  Array.from({ length: depth }, () => ({ type: 'dense' as const, units: 16, activation, ...more }))
const output: Layer = { type: 'dense', units: 3 }

const create = ({ layers, ...config }: Given) =>
  Trainer.create({ seed: 2, kernels: 'wasm-strict', epochs: 2, ...config, model: { layers } }, { crew })

const data = blobs(300, 8, 3)
const scaled = (set: Dataset, x: number, y = 1): Dataset => ({
  ...set,
  x: set.x.map((v) => x * v),
  y: set.y.map((v) => y * v),
})

describe('check', () => {
  it.each<[string, HealthCode, Severity, Given, Dataset?]>([
    [
      'units with the same weights',
      'SYMMETRIC_INIT',
      'fault',
      { layers: [...hidden(2, 'tanh', { kernelInitializer: 'zeros' }), { ...output, kernelInitializer: 'zeros' }] },
    ],
    [
      'a layer that no row activates',
      'DEAD_LAYER',
      'fault',
      { layers: [...hidden(2, 'relu', { biasInitializer: { type: 'constant', value: -50 } }), output] },
    ],
    ['sigmoids in a row', 'GRAD_VANISHING', 'fault', { layers: [...hidden(12, 'sigmoid'), output] }],
    [
      'weights far too large',
      'SIGNAL_OVERSCALE',
      'fault',
      { layers: [...hidden(6, 'relu', { kernelInitializer: { type: 'normal', mean: 0, std: 1 } }), output] },
    ],
    [
      'weights far too small',
      'SIGNAL_COLLAPSE',
      'fault',
      { layers: [...hidden(8, 'relu', { kernelInitializer: { type: 'uniform', min: -0.02, max: 0.02 } }), output] },
    ],
    [
      'weights of a tenth of what keeps signals level',
      'INIT_VARIANCE',
      'info',
      { layers: [...hidden(2, 'relu', { kernelInitializer: { type: 'normal', mean: 0, std: 0.04 } }), output] },
    ],
    [
      'layers that are few units wide, in a long row',
      'NARROW_DEEP',
      'info',
      { layers: [...hidden(8, 'relu').map((layer) => ({ ...layer, units: 5 })), output] },
    ],
    ['a deep plain network', 'SHATTERED', 'fault', { layers: [...hidden(30, 'relu'), output] }],
    [
      'numbers beyond float32',
      'NONFINITE_LOSS',
      'fault',
      { layers: [...hidden(8, 'relu', { kernelInitializer: { type: 'normal', mean: 0, std: 1e6 } }), output] },
    ],
    [
      'a learning rate that replaces the weights',
      'LR_IMPLAUSIBLE',
      'warn',
      { layers: [...hidden(2, 'relu'), output], optimizer: { type: 'adam', learningRate: 1 } },
    ],
    [
      'weight decay that forgets everything',
      'LR_IMPLAUSIBLE',
      'fault',
      {
        layers: [...hidden(2, 'relu'), output],
        optimizer: { type: 'adamw', learningRate: 0.01, weightDecay: 10 },
      },
    ],
    ['features in thousands', 'INPUT_SCALE', 'warn', { layers: [...hidden(2, 'tanh'), output] }, scaled(data, 1000)],
    [
      'targets in thousands',
      'TARGET_SCALE',
      'warn',
      { layers: [...hidden(2, 'tanh'), { type: 'dense', units: 1 }] },
      scaled(line(300, 4), 1, 1000),
    ],
  ])('names %s: %s', async (_, code, severity, given, set = data) => {
    const trainer = await create(given)
    const verdicts = await trainer.check(set)
    expect(verdicts.map((one) => [one.code, one.severity])).toContainEqual([code, severity])
    for (const { step, sentence } of verdicts) {
      expect(step).toBe(-1)
      expect(sentence).toMatch(/^[A-Z1-9].* \(before the first step\)\.$/)
    }
  })

  it('says nothing of networks that are set up well', async () => {
    const zeroLast: Layer = { type: 'dense', units: 16, kernelInitializer: 'zeros' }
    for (const layers of [
      [...hidden(2, 'relu'), output],
      [...hidden(4, 'tanh'), output],
      [output],
      // A block that starts as the identity, and an output that starts at 0.
      [
        ...hidden(1, 'relu'),
        { type: 'residual' as const, layers: [...hidden(1, 'relu'), zeroLast] },
        { ...output, kernelInitializer: 'zeros' as const },
      ],
    ]) {
      const trainer = await create({ layers })
      const bad = (await trainer.check(data)).filter(({ severity }) => severity !== 'info')
      expect(bad).toEqual([])
    }
  })

  it('changes nothing, and says the same again', async () => {
    const trainer = await create({ layers: [...hidden(10, 'sigmoid'), { type: 'dropout', rate: 0.5 }, output] })
    await trainer.build(data)
    const hash = trainer.weightsHash()
    const first = await trainer.check(data)
    expect(first.length).toBeGreaterThan(0)
    expect(await trainer.check(data)).toEqual(first)
    expect(trainer.weightsHash()).toBe(hash)
  })
})

describe('the sample', () => {
  const rowsOf = async (units: number, batchSize: number) => {
    // Outputs of 0, whose loss is that of knowing nothing: no row is thought wild.
    const layers: Layer[] = [
      { type: 'dense', units },
      { ...output, kernelInitializer: 'zeros' },
    ]
    const config = parseConfig({ model: { layers }, batchSize, kernels: 'wasm' })
    const kernels = resolveKernels(config.kernels, undefined)
    const model = buildModel(config.model, data.features)
    const weights = await initialWeights(model, config.optimizer, config.seed)
    const task = resolveTask(config, model, data)
    return (await look({ config, model, weights, task, data, kernels, module: compileFor(kernels) }))?.rows
  }

  it('is of 256 rows, or as many halves fewer as take it below 128 MiB, but for a batch of the run', async () => {
    expect(await rowsOf(16, 32)).toBe(256)
    // 2^16 units, their values and back-signals in float32: 2^19 bytes a row.
    expect(await rowsOf(2 ** 16, 32)).toBe(128)
    expect(await rowsOf(2 ** 16, 200)).toBe(200)
  })
})

describe('a fit', () => {
  const hopeless: Given = {
    layers: [...hidden(2, 'relu', { biasInitializer: { type: 'constant', value: -50 } }), output],
  }

  it('is not begun where a fault is certain, unless told otherwise', async () => {
    const trainer = await create(hopeless)
    await expect(trainer.fit(data)).rejects.toThrow(TrainingError)
    await expect(trainer.fit(data)).rejects.toThrow(/No unit in layer dense_1 is active.*Nothing was trained/s)
    for (const health of ['observe', 'off', { check: 'warn' }, { check: 'off' }] as const) {
      const willing = await create({ ...hopeless, health })
      const { steps, health: verdicts } = await willing.fit(data)
      expect(steps.length).toBeGreaterThan(0)
      const told = verdicts.some(({ step, code }) => step === -1 && code === 'DEAD_LAYER')
      expect(told).toBe(health === 'observe' || (typeof health === 'object' && health.check === 'warn'))
    }
  })

  it('is begun where a network may yet learn, which is said, where a fault could have stopped it', async () => {
    const sentenceOf = async (health: Given['health']) => {
      const trainer = await create({ layers: [...hidden(12, 'sigmoid'), output], health })
      const { health: verdicts } = await trainer.fit(data)
      return verdicts.find(
        ({ step, code, severity }) => step === -1 && code === 'GRAD_VANISHING' && severity === 'fault',
      )!.sentence
    }
    const goesOn = /may yet learn; `health: 'repair'` mends it first\.$/
    expect(await sentenceOf('warn')).toMatch(goesOn)
    for (const health of ['observe', { check: 'warn' }] as const) expect(await sentenceOf(health)).not.toMatch(goesOn)
  })

  it('has the bits of one without the check', async () => {
    const hashes = new Set<string>()
    for (const check of ['warn', 'off'] as const) {
      const trainer = await create({ layers: [...hidden(9, 'relu'), output], health: { check } })
      await trainer.fit(data)
      hashes.add(trainer.weightsHash())
    }
    expect(hashes.size).toBe(1)
  })
})
