/** The detector beside a training: it changes no bit, says the same for any number of workers, and names what is wrong. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { TrainingError } from '../../src/errors.ts'
import type { HealthCode, HealthVerdict } from '../../src/gradient/verdict.ts'
import { Phase } from '../../src/plan/plan.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import type { Hooks } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

type Layers = Config['model']['layers']
type Activation = 'relu' | 'sigmoid' | 'tanh' | 'leakyRelu' | 'gelu' | 'elu'

/** `depth` equal layers, and one that answers. */
const plain = (depth: number, units: number, activation: Activation, more: object = {}): Layers => [
  ...Array.from({ length: depth }, () => ({ type: 'dense' as const, units, activation, ...more })),
  { type: 'dense', units: 3 },
]

const data = blobs(400, 12, 3)
const base: Omit<Config, 'model'> = {
  seed: 5,
  epochs: 30,
  batchSize: 32,
  kernels: 'wasm-strict',
  health: 'observe',
  optimizer: { type: 'adam', learningRate: 1e-3 },
}

interface Ran {
  readonly verdicts: readonly HealthVerdict[]
  readonly hash: string
  readonly told: readonly HealthVerdict[]
  /** Why it did not come to its end. */
  readonly stopped: string | undefined
}

async function run(config: Partial<Config> & Pick<Config, 'model'>, crew = new Crew(1), hooks?: Hooks): Promise<Ran> {
  const own = hooks ? new InlineCrew(hooks) : crew
  await using trainer = await Trainer.create({ ...base, ...config }, { crew: own })
  const told: HealthVerdict[] = []
  const onVerdict = (verdict: HealthVerdict) => void told.push(verdict)
  const ended = await trainer.fit(data, { callbacks: { onVerdict } }).catch((error: unknown) => {
    if (error instanceof TrainingError) return error
    throw error
  })
  const stopped = ended instanceof TrainingError ? ended.message : undefined
  const verdicts = ended instanceof TrainingError ? told.slice() : ended.health
  return { verdicts, told, hash: trainer.weightsHash(), stopped }
}

const faults = ({ verdicts }: Ran): HealthCode[] =>
  verdicts.filter(({ severity }) => severity === 'fault' || severity === 'fatal').map(({ code }) => code)

describe('the detector', () => {
  const crews = [1, 2, 3].map((workers) => new Crew(workers))
  afterAll(() => Promise.all(crews.map((crew) => crew.close())))

  const training = fc
    .record({
      seed: fc.nat(1000),
      depth: fc.integer({ min: 1, max: 7 }),
      activation: fc.constantFrom<Activation>('relu', 'sigmoid', 'tanh', 'gelu'),
      batchSize: fc.integer({ min: 5, max: 70 }),
      clip: fc.constantFrom<Config['clip'][]>('off', 'auto', 0.5, { mode: 'layerNorm' }),
      gradient: fc.constantFrom<NonNullable<Config['gradient']>>('auto', 'lanes'),
      optimizer: fc.constantFrom<Config['optimizer'][]>(
        { type: 'adam', learningRate: 1e-3 },
        { type: 'sgd', learningRate: 1, momentum: 0.9 },
        { type: 'sgd', learningRate: 1e-7 },
      ),
    })
    .map(({ depth, activation, ...config }) => ({
      ...config,
      model: { layers: plain(depth, 16, activation) },
      epochs: 8,
    }))

  it('changes no bit, and gives the same verdicts for any number of workers', async () => {
    let verdicts = 0
    await fc.assert(
      fc.asyncProperty(training, async (config) => {
        const off = await run({ ...config, health: 'off' }, crews[1])
        expect(off.verdicts).toEqual([])
        const watched: Ran[] = []
        for (const crew of crews) watched.push(await run(config, crew))
        for (const one of watched) expect(one).toEqual(watched[0])
        expect([watched[0]!.hash, watched[0]!.stopped]).toEqual([off.hash, off.stopped])
        expect(watched[0]!.told).toEqual(watched[0]!.verdicts)
        verdicts += watched[0]!.verdicts.length
      }),
      { numRuns: 8 },
    )
    expect(verdicts).toBeGreaterThan(0)
  })

  it('says the same of layers with other names', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,7}$/)
    const names = fc.uniqueArray(name, { minLength: 7, maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(names, names, async (ours, theirs) => {
        const said = async (names: readonly string[]) => {
          const layers = plain(6, 16, 'sigmoid').map((layer, i) => ({ ...layer, name: names[i]! }))
          const { verdicts } = await run({ model: { layers }, epochs: 10 }, crews[0])
          const place = (layer: string | undefined) => (layer === undefined ? undefined : names.indexOf(layer))
          return verdicts.map((v) => [v.code, v.severity, v.step, place(v.layer), v.evidence])
        }
        const verdicts = await said(ours)
        expect(verdicts.some(([, , , layer]) => layer !== undefined && Number(layer) >= 0)).toBe(true)
        expect(await said(theirs)).toEqual(verdicts)
      }),
      { numRuns: 4 },
    )
  })

  it('calls no unit silent that is never quite 0: leaky ReLU, GELU, ELU, and a ReLU that is', async () => {
    const given = fc.record({
      activation: fc.constantFrom<Activation>('leakyRelu', 'gelu', 'elu'),
      value: fc.double({ min: -6, max: -3, noNaN: true }),
      seed: fc.nat(1000),
    })
    const codes = async (activation: Activation, value: number, seed: number) => {
      const layers: Layers = [
        { type: 'dense', units: 16, activation, biasInitializer: { type: 'constant', value } },
        { type: 'dense', units: 3 },
      ]
      return (await run({ model: { layers }, seed }, crews[0])).verdicts.map(({ code }) => code)
    }
    await fc.assert(
      fc.asyncProperty(given, async ({ activation, value, seed }) => {
        const said = await codes(activation, value, seed)
        expect(said).not.toContain('DEAD_UNITS')
        expect(said).not.toContain('DEAD_LAYER')
      }),
      { numRuns: 6 },
    )
    expect(await codes('relu', -50, 5)).toContain('DEAD_LAYER')
  })

  it('finds nothing wrong with a network that learns', async () => {
    const ran = await run({ model: { layers: plain(2, 24, 'relu') } }, crews[0])
    expect(faults(ran)).toEqual([])
  })

  it.each<[string, HealthCode, Partial<Config> & Pick<Config, 'model'>]>([
    ['sigmoids in a row', 'GRAD_VANISHING', { model: { layers: plain(12, 16, 'sigmoid') } }],
    [
      'biases that no input reaches',
      'DEAD_LAYER',
      { model: { layers: plain(3, 16, 'relu', { biasInitializer: { type: 'constant', value: -20 } }) } },
    ],
    [
      'weights that are all 0',
      'ZERO_GRADIENT',
      {
        model: {
          layers: plain(2, 8, 'relu', { kernelInitializer: 'zeros' })
            .slice(0, 2)
            .concat([{ type: 'dense', units: 3, kernelInitializer: 'zeros', useBias: false }]),
        },
      },
    ],
    [
      'a learning rate far too small',
      'UPDATE_TOO_SMALL',
      { model: { layers: plain(2, 16, 'tanh') }, optimizer: { type: 'adam', learningRate: 1e-8 } },
    ],
    [
      'steps as long as the weights',
      'UPDATE_TOO_LARGE',
      { model: { layers: plain(2, 16, 'tanh') }, optimizer: { type: 'adam', learningRate: 5 } },
    ],
    [
      'a rate that rises a hundredfold',
      'GRAD_EXPLODING',
      {
        model: { layers: plain(2, 16, 'relu') },
        optimizer: { type: 'sgd', learningRate: 0.2, momentum: 0.9 },
        schedule: { type: 'step', stepSize: 100, gamma: 100 },
        ...{ clip: 'off', health: { mode: 'observe', spikeSkip: false } },
      },
    ],
  ])('names %s: %s', async (_, code, config) => {
    const ran = await run(config, crews[0])
    expect(faults(ran)).toContain(code)
    const verdict = ran.verdicts.find((one) => one.code === code && one.severity === 'fault')!
    expect(verdict.sentence).toMatch(/^[A-Z].* \((at step \d+|before the first step)\)\.$/)
    expect(verdict.remedies.length).toBeGreaterThan(0)
    expect(verdict.evidence.signal).not.toBe('')
  })

  it('names a layer that gets no gradient, and only that', async () => {
    const ran = await run({ model: { layers: plain(3, 16, 'relu') }, gradient: 'lanes', epochs: 2 }, undefined, {
      after: (phase, { arena, plan }) => {
        if (phase !== Phase.gradient) return
        for (const { spec, offset, size } of plan.placements.all) {
          if (!spec.name.startsWith('dense_2/')) continue
          for (let lane = 0; lane < plan.lanes; lane++) {
            const at = plan.at.lanes + lane * plan.placements.laned + offset
            arena.floats.fill(0, at, at + size)
          }
        }
      },
    })
    const [first] = ran.verdicts.filter(({ severity }) => severity === 'fault')
    expect(first).toMatchObject({ code: 'UPDATE_TOO_SMALL', layer: 'dense_2' })
    expect(first!.step).toBeLessThan(8)
    expect(first!.sentence).toMatch(/No gradient at all arrives in layer dense_2/)
  })

  it('sees that weights were changed from outside', async () => {
    let once = false
    const ran = await run({ model: { layers: plain(2, 24, 'relu') } }, undefined, {
      before: (phase, { state, arena, plan }) => {
        if (once || phase !== Phase.rows || state[2]! !== 17) return
        once = true
        arena.floats[plan.at.parameters + 7]! += 1
      },
    })
    expect(faults(ran)).toContain('REPLICA_DIVERGENCE')
  })

  it.each([
    ['weight@step=17', { code: 'REPLICA_DIVERGENCE', step: 17 }],
    ['silent-part@part=1,step=20', { code: 'SHARD_ANOMALY', part: 1, evidence: { value: 4 } }],
    ['large-part@part=2', { code: 'SHARD_ANOMALY', part: 2, step: 2 }],
  ])('sees what can be ordered from the command line: %s', async (fault, verdict) => {
    const parts = { gradient: 'lanes', batchSize: 128 } as const
    await using trainer = await Trainer.create(
      { ...base, ...parts, model: { layers: plain(2, 24, 'relu') } },
      { crew: crews[0]! },
    )
    const { health, unfired } = await trainer.fit(data, { inject: [fault] })
    expect(unfired).toEqual([])
    expect(health.filter(({ severity }) => severity === 'fault')).toMatchObject([verdict])
  })

  it('has no part to damage where gradients are summed whole, which is told', async () => {
    await using trainer = await Trainer.create(
      { ...base, gradient: 'whole', model: { layers: plain(1, 8, 'relu') } },
      { crew: crews[0]! },
    )
    const { unfired } = await trainer.fit(data, { epochs: 1, inject: ['silent-part', 'large-part@part=1'] })
    expect(unfired).toEqual(['silent-part', 'large-part@part=1'])
  })
})
