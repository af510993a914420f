/** Repair: what is wrong is mended, what is well is left alone, and the same run is mended in the same way. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Workforce } from '../../src/crew/task.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { TrainingError } from '../../src/errors.ts'
import type { Action } from '../../src/remedy/action.ts'
import { Phase } from '../../src/plan/plan.ts'
import { mostActions } from '../../src/remedy/ladder.ts'
import type { Callbacks } from '../../src/train/callbacks.ts'
import { readCheckpoint } from '../../src/train/checkpoint.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { State } from '../../src/train/state.ts'
import { TRIAL_STEPS } from '../../src/train/tournament.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { evenly } from '../gradient/generators.ts'
import { blobs, line } from './data.ts'

const crew = new Crew(1)
afterAll(() => crew.close())

type Layer = Config['model']['layers'][number]
type Given = Omit<Config, 'model'> & { layers: Layer[] }

const hidden = (depth: number, activation: string, more: object = {}): Layer[] =>
  Array.from({ length: depth }, () => ({ type: 'dense', units: 16, activation, ...more }) as Layer)
const output: Layer = { type: 'dense', units: 3 }

const create = ({ layers, ...config }: Given, workers: Workforce = crew) =>
  Trainer.create(
    { seed: 2, kernels: 'wasm-strict', epochs: 8, health: 'repair', ...config, model: { layers } },
    { crew: workers },
  )

const data = blobs(300, 8, 3)
const scaled = (set: Dataset, x: number, y = 1): Dataset => ({
  ...set,
  x: set.x.map((v) => x * v),
  y: set.y.map((v) => y * v),
})

describe('before the first step', () => {
  it.each<[string, string, Given, Dataset?]>([
    [
      'units with the same weights',
      'initialise anew',
      { layers: [...hidden(2, 'tanh', { kernelInitializer: 'zeros' }), { ...output, kernelInitializer: 'zeros' }] },
    ],
    [
      'a layer that no row activates',
      'initialise anew',
      { layers: [...hidden(2, 'relu', { biasInitializer: { type: 'constant', value: -50 } }), output] },
    ],
    ['sigmoids in a row', 'swap activations', { layers: [...hidden(12, 'sigmoid'), output] }],
    [
      'weights far too large',
      'rescale weights',
      { layers: [...hidden(6, 'relu', { kernelInitializer: { type: 'normal', mean: 0, std: 1 } }), output] },
    ],
    [
      'weights far too small',
      'rescale weights',
      { layers: [...hidden(8, 'relu', { kernelInitializer: { type: 'uniform', min: -0.02, max: 0.02 } }), output] },
    ],
    [
      'numbers beyond float32',
      'rescale weights',
      { layers: [...hidden(8, 'relu', { kernelInitializer: { type: 'normal', mean: 0, std: 1e6 } }), output] },
    ],
    ['features of 1,000', 'standardise inputs', { layers: [...hidden(4, 'relu'), output] }, scaled(data, 1000)],
  ])('%s: %s', async (_, remedy, given, set = data) => {
    await using trainer = await create({ optimizer: { type: 'adam', learningRate: 3e-3 }, ...given })
    const told: Action[] = []
    const history = await trainer.fit(set, { callbacks: { onAction: (action) => void told.push(action) } })
    expect(history.actions.filter(({ outcome }) => outcome === 'kept').map((a) => a.remedy)).toContain(remedy)
    expect(told).toEqual(history.actions)
    expect(history.actions[0]).toMatchObject({ step: -1 })
    expect(history.history.acc!.at(-1)).toBeGreaterThan(0.8)
    // What was saved is what was trained: the repaired network.
    expect((await trainer.evaluate(set)).acc).toBeGreaterThan(0.8)
  })

  it('leaves a healthy network alone', async () => {
    const given: Given = { layers: [...hidden(3, 'relu'), output] }
    await using plain = await create({ ...given, health: 'warn' })
    await using trainer = await create(given)
    await plain.fit(data)
    const history = await trainer.fit(data)
    expect(history.actions).toEqual([])
    expect(trainer.weightsHash()).toBe(plain.weightsHash())
    expect(trainer.config).toEqual({ ...plain.config, health: trainer.config.health })
  })

  it('stops where nothing helps', async () => {
    // Whatever the weights, a network without inputs that differ has nothing to learn from.
    await using trainer = await create({
      layers: [{ type: 'dense', units: 3, useBias: false, kernelInitializer: 'zeros' }],
    })
    await expect(trainer.fit({ ...data, x: data.x.map(() => 0) })).rejects.toThrow(TrainingError)
  })

  it('standardises what comes later in the same way', async () => {
    await using trainer = await create({ layers: [...hidden(2, 'relu'), { type: 'dense', units: 1 }] })
    const set = scaled(line(200, 3), 1e4)
    const history = await trainer.fit(set)
    const changed = trainer.config.model.inputScale
    if (history.actions.length > 0) expect(changed?.mean).toHaveLength(set.features)
  })
})

describe('while it trains', () => {
  const wild: Given = {
    layers: [...hidden(3, 'relu'), output],
    optimizer: { type: 'sgd', learningRate: 30 },
    clip: 'off',
  }

  it('cuts a learning rate that is far too high, and learns', async () => {
    await using trainer = await create({ ...wild, epochs: 30 })
    const history = await trainer.fit(data)
    expect(history.actions.length).toBeGreaterThan(0)
    expect(history.actions.every(({ outcome }) => outcome !== 'pending' || history.stopped === 'completed')).toBe(true)
    expect(trainer.config.optimizer.learningRate).toBeLessThan(30)
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.8)
    // No run begins anew once it has taken as many steps as were asked for.
    expect(history.stepsExecuted).toBeLessThanOrEqual(2 * 30 * 10 + 1)
    expect(history.stepsExecuted).toBe(history.steps.length)
  })

  it('goes back to a healthy state when a weight is damaged', async () => {
    let done = false
    const damaging = new InlineCrew({
      before(phase, { plan, state, arena }) {
        if (done || phase !== Phase.rows || state[State.batch]! < 120) return
        done = true
        const bias = plan.placements.all.find(({ spec }) => spec.name === 'dense_4/bias')!
        arena.floats[plan.at.parameters + bias.offset] = 1e6
      },
    })
    await using trainer = await create({ ...wild, optimizer: { type: 'sgd', learningRate: 0.1 }, epochs: 30 }, damaging)
    const history = await trainer.fit(data)
    expect(history.actions.length).toBeGreaterThan(0)
    expect(history.actions[0]!.step).toBeGreaterThanOrEqual(120)
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.8)
  })

  it('what begins anew for one fault is rid of the others that its beginning has', async () => {
    const wide = { kernelInitializer: { type: 'normal', mean: 0, std: 0.8 } }
    await using trainer = await create({
      layers: [...hidden(4, 'relu', wide), output],
      optimizer: { type: 'adamw', learningRate: 3e-3, weightDecay: 6 },
      clip: 'off',
      epochs: 40,
    })
    const { actions } = await trainer.fit(data)
    const of = (name: string) => actions.find(({ remedy }) => remedy === name)!
    expect(of('less weight decay')).toMatchObject({ outcome: 'kept' })
    expect(of('less weight decay').step).toBeGreaterThanOrEqual(0)
    const { step, gain } = of('less weight decay')
    expect(of('rescale weights')).toMatchObject({ verdict: 'SIGNAL_OVERSCALE', step, gain, outcome: 'kept' })
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)
  })

  it('gives up with an error when nothing helps, after a bounded number of steps', async () => {
    const hopeless = new InlineCrew({
      after(phase, { plan, arena }) {
        if (phase === Phase.gradient) arena.floats.fill(NaN, plan.at.lanes, plan.at.lanes + plan.placements.laned)
      },
    })
    await using trainer = await create({ layers: wild.layers, gradient: 'lanes', epochs: 20 }, hopeless)
    const told: Action[] = []
    await expect(trainer.fit(data, { callbacks: { onAction: (action) => void told.push(action) } })).rejects.toThrow(
      TrainingError,
    )
    expect(told.length).toBeLessThanOrEqual(mostActions)
  })

  it('does the same for any number of workers, to the bit', async () => {
    const runs = []
    for (const workers of [1, 2, 3, 5, 8]) {
      const own = new Crew(workers)
      try {
        await using trainer = await create({ ...wild, epochs: 4 }, own)
        const { actions } = await trainer.fit(data)
        runs.push({ hash: trainer.weightsHash(), actions, config: trainer.config })
      } finally {
        await own.close()
      }
    }
    expect(runs[0]!.actions.length).toBeGreaterThan(0)
    for (const run of runs) expect(run).toEqual(runs[0])
  })

  /** 290 steps, over which the rate rises from 0.1 to its base: a hundred times as much. */
  const late: Given = {
    layers: [...hidden(2, 'elu'), output],
    optimizer: { type: 'sgd', learningRate: 10, momentum: 0.9 },
    schedule: { type: 'oneCycle', divFactor: 100, pctStart: 0.99 },
    clip: 'off',
    epochs: 29,
  }

  it.each<NonNullable<Given['schedule']>>([
    { type: 'step', stepSize: 80, gamma: 100 },
    { type: 'polynomial', power: 0.01, minimum: 10, steps: 150 },
    { type: 'linear', endFactor: 100 },
  ])('stops a schedule that raises the rate too far, and goes on from where it was well: $type', async (schedule) => {
    await using trainer = await create({
      ...late,
      optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
      schedule,
    })
    const { actions, steps } = await trainer.fit(data)
    const stop = expect.objectContaining({ remedy: 'stop the rise of the rate', outcome: 'kept' }) as Action
    expect(actions).toContainEqual(stop)
    expect(steps.learningRate.at(-1)).toBeLessThan(2)
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)
  })

  it('tries remedies from the same state, keeps the best, and forgets what the others did', async () => {
    await using trainer = await create(late)
    const history = await trainer.fit(data, { callbacks: {} })
    const { actions, steps } = history
    const [first] = actions
    const rivals = actions.filter(({ step }) => step === first!.step)
    expect(rivals.length).toBeGreaterThan(1)
    expect(rivals.filter(({ outcome }) => outcome === 'kept')).toHaveLength(1)
    expect(rivals.filter(({ outcome }) => outcome === 'tried')).toHaveLength(rivals.length - 1)
    expect(first!.step).toBeGreaterThanOrEqual(32)
    // Trials of 48 steps, shorter where a fault was raised: they count, and the position is the winner's.
    expect(history.stepsExecuted).toBe(steps.length)
    expect(history.stepsExecuted).toBeGreaterThan(29 * 10)
    expect(history.stepsExecuted).toBeLessThanOrEqual(29 * 10 + 48 * (actions.length - 1))
    expect(history.epoch).toEqual(Array.from({ length: 29 }, (_, epoch) => epoch))
    expect(history.history.loss).toHaveLength(29)
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)
  })

  /** Weights far too small, and once they are drawn anew a rate that gets nowhere: 300 steps. */
  const slow: Given = {
    layers: [...hidden(6, 'relu', { kernelInitializer: { type: 'uniform', min: -0.02, max: 0.02 } }), output],
    optimizer: { type: 'sgd', learningRate: 0.002 },
    epochs: 30,
  }

  /** 600 steps that change the weights too little to get anywhere, and too much for a fault. */
  const crawling = { optimizer: { type: 'sgd', learningRate: 1e-4 }, epochs: 60 } as const

  it('looks again at a run that it began anew: one that learns faster takes its place', async () => {
    const runs = []
    for (const workers of [1, 2]) {
      const own = new Crew(workers)
      try {
        await using trainer = await create(slow, own)
        const history = await trainer.fit(data)
        expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)
        runs.push({ actions: history.actions, hash: trainer.weightsHash(), steps: history.stepsExecuted })
      } finally {
        await own.close()
      }
    }
    const [{ actions, steps }] = runs as [(typeof runs)[0]]
    const [first, ...others] = actions
    // Asked after a fifth of the steps, 60, at the next gate; each trial is as long as the run had been.
    const age = 64
    expect(first).toMatchObject({ step: -1, outcome: 'kept' })
    expect(others.every(({ step, verdict }) => step === age - 1 && verdict === first!.verdict)).toBe(true)
    expect(others.filter(({ outcome }) => outcome === 'kept')).toHaveLength(1)
    expect(steps).toBe(300 + others.length * age)
    expect(runs[1]).toEqual(runs[0])
  })

  it('raises a rate at which nothing is gained, without a fault', async () => {
    await using trainer = await create({ ...slow, layers: [...hidden(2, 'relu'), output], ...crawling })
    const { actions, health } = await trainer.fit(data)
    expect(health.filter(({ severity }) => severity === 'fault')).toEqual([])
    // Asked after a fifth of the steps: what else could it be?
    expect(actions).toMatchObject([{ verdict: 'STALLED', remedy: 'raise the learning rate', outcome: 'kept' }])
    expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)
  })

  it('lets a run that it began anew go on as it is where nothing learns faster', async () => {
    // Rows of five kinds, each of them with every label equally often: there is nothing to learn.
    const x = data.x.map((_, i) => Math.sin(13 * (Math.floor(i / 8) % 5) + 7 * (i % 8)))
    const noise = { ...data, x, y: data.y.map((_, row) => Math.floor(row / 5) % 3) }
    await using trainer = await create({ ...slow, optimizer: { type: 'sgd', learningRate: 0.1 } })
    const { actions } = await trainer.fit(noise)
    const again = actions.filter(({ remedy }) => /triple|high rate/.test(remedy))
    expect(again.map(({ outcome }) => outcome)).toEqual(['tried', 'tried'])
  })

  it('ends in time whatever the settings: at most twice the steps, and every action is decided', async () => {
    const given = fc.record({
      seed: fc.nat(1000),
      rate: evenly(-3, 2),
      momentum: fc.constantFrom(0, 0.9, 0.99),
      depth: fc.integer({ min: 1, max: 12 }),
      activation: fc.constantFrom('relu', 'tanh', 'sigmoid', 'exponential'),
      gamma: fc.constantFrom(1, 30),
    })
    let tried = 0
    await fc.assert(
      fc.asyncProperty(given, async ({ seed, rate, momentum, depth, activation, gamma }) => {
        await using trainer = await create(
          {
            layers: [...hidden(depth, activation), output],
            ...{ seed, epochs: 20, clip: 'off' },
            optimizer: { type: 'sgd', learningRate: 10 ** rate, momentum },
            schedule: { type: 'step', stepSize: 100, gamma },
          },
          new InlineCrew(),
        )
        const told: Action[] = []
        let steps = 0
        const pending = new Set<Action>()
        const callbacks: Callbacks = {
          onAction(action) {
            told.push(action)
            if (action.outcome === 'pending') pending.add(action)
          },
          onOutcome(action) {
            expect(pending.delete(action)).toBe(true)
            expect(action.outcome).toMatch(/kept|reverted/)
            expect(action.text.includes('taken back')).toBe(action.outcome === 'reverted')
          },
          onBatchEnd: () => void steps++,
        }
        await trainer.fit(data, { callbacks }).catch((error: unknown) => {
          if (!(error instanceof TrainingError)) throw error
        })
        expect(steps).toBeLessThanOrEqual(2 * 20 * 10)
        expect(told.length).toBeLessThanOrEqual(mostActions)
        expect(told.every(({ outcome }) => outcome !== 'pending')).toBe(true)
        expect(pending.size).toBe(0)
        tried += told.filter(({ outcome }) => outcome === 'tried').length
      }),
      { numRuns: 20 },
    )
    expect(tried).toBeGreaterThan(0)
  })

  it('does the same whoever listens, and tries the same for any number of workers', async () => {
    const runs = []
    for (const [workers, callbacks] of [
      [1, []],
      [1, {}],
      [2, []],
      [3, []],
    ] as const) {
      const own = new Crew(workers)
      try {
        await using trainer = await create(late, own)
        const { actions } = await trainer.fit(data, { callbacks })
        runs.push({ actions, hash: trainer.weightsHash(), config: trainer.config })
      } finally {
        await own.close()
      }
    }
    expect(runs[0]!.actions.map(({ outcome }) => outcome)).toContain('tried')
    for (const run of runs) expect(run).toEqual(runs[0])
  })

  it('that is stopped in the middle of a trial is as it was when last well, and is mended when it goes on', async () => {
    await using undisturbed = await create(late)
    const { actions } = await undisturbed.fit(data)
    // Batches before the trials.
    const base = actions[0]!.step + 1
    const ends = []
    for (const workers of [1, 2]) {
      const folder = await mkdtemp(join(tmpdir(), 'trial-'))
      const own = new Crew(workers)
      try {
        await using trainer = await create(late, own)
        let batches = 0
        const stopped = await trainer.fit(data, {
          checkpoint: { directory: folder },
          callbacks: {
            onBatchEnd: () => void batches++,
            onEpochEnd: () => void (trainer.stopTraining = batches > base),
          },
        })
        expect(stopped.stopped).toBe('stopTraining')
        expect(batches).toBeGreaterThan(base)
        // No remedy is left of it: settings, place and log are those of before.
        expect(stopped.actions).toEqual([])
        await using plain = await create({ ...late, health: 'warn' }, own)
        const { optimizer, schedule, clip } = plain.config
        expect(trainer.config).toMatchObject({ optimizer, schedule, clip })
        const path = join(folder, 'last.ckpt')
        const { state } = await readCheckpoint(path)
        expect(state![State.step]).toBeGreaterThan(base - 8)
        expect(state![State.step]).toBeLessThanOrEqual(base)
        expect((await trainer.evaluate(data)).acc).toBeGreaterThan(0.9)

        await using again = await Trainer.load(path, {}, { crew: own })
        expect(again.weightsHash()).toBe(trainer.weightsHash())
        const { actions } = await again.fit(data)
        expect(actions.length).toBeGreaterThan(0)
        expect((await again.evaluate(data)).acc).toBeGreaterThan(0.9)
        ends.push({ actions, hash: again.weightsHash() })
      } finally {
        await own.close()
        await rm(folder, { recursive: true, force: true })
      }
    }
    expect(ends[1]).toEqual(ends[0])
  })

  it('writes no checkpoint of a trial', async () => {
    await using undisturbed = await create(late)
    const { actions } = await undisturbed.fit(data)
    const base = actions[0]!.step + 1
    const folder = await mkdtemp(join(tmpdir(), 'trial-'))
    const seen: { batch: number; batches: number }[] = []
    try {
      await using trainer = await create(late)
      let batches = 0
      await trainer.fit(data, {
        checkpoint: { directory: folder },
        callbacks: {
          onBatchEnd: () => void batches++,
          // What a process that is killed here would leave; the one that is being written comes with the next epoch.
          onEpochEnd: async () => {
            if (batches <= 20) return
            const { state } = await readCheckpoint(join(folder, 'last.ckpt'))
            seen.push({ batch: state![State.batch]!, batches })
          },
        },
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    const inTrials = seen.filter(({ batches }) => batches > base && batches <= base + TRIAL_STEPS)
    expect(inTrials.length).toBeGreaterThan(0)
    for (const { batch } of inTrials) expect(batch).toBeLessThanOrEqual(base)
    // After the trials there are some again.
    expect(seen.some(({ batch }) => batch > base)).toBe(true)
  })

  it('can be saved, interrupted and gone on with', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'repair-'))
    try {
      const path = join(folder, 'run.ckpt')
      await using trainer = await create({ ...wild, epochs: 30 })
      const { actions } = await trainer.fit(data, {
        callbacks: { onEpochEnd: (epoch) => void (trainer.stopTraining = epoch === 20) },
      })
      expect(actions.length).toBeGreaterThan(0)
      await trainer.save(path)
      await using again = await Trainer.load(path, {}, { crew })
      expect(again.config).toEqual(trainer.config)
      const history = await again.fit(data)
      expect(history.actions.slice(0, actions.length).map(({ remedy }) => remedy)).toEqual(actions.map((a) => a.remedy))
      await trainer.fit(data)
      expect(again.weightsHash()).toBe(trainer.weightsHash())
      expect((await again.evaluate(data)).acc).toBeGreaterThan(0.8)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
