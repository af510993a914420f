/** Workers that die, fail or fall silent, at every place of a step: the weights keep the bits of an undisturbed run. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { WorkerLost } from '../../src/crew/task.ts'
import { TrainingError, UserError } from '../../src/errors.ts'
import type { FitOptions } from '../../src/train/callbacks.ts'
import type { History } from '../../src/train/history.ts'
import { DEFAULT_RECOVERY, countCasualty, noCasualties, pauseAfter } from '../../src/train/recovery.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const WORKERS = [1, 3]
const crews = new Map(WORKERS.map((workers) => [workers, new Crew(workers)]))
afterAll(() => Promise.all([...crews.values()].map((crew) => crew.close())))

/** 203 rows: 13 batches of 16, the last of 11; 26 steps. */
const data = blobs(203, 21, 5)
const validationData = blobs(50, 21, 5, 2)
const config: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 16,
  optimizer: { type: 'adam', learningRate: 0.01 },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

interface Outcome {
  readonly hash: string
  readonly history: History
}

async function train(workers: number, options: FitOptions = {}, given: Partial<Config> = {}): Promise<Outcome> {
  await using trainer = await Trainer.create({ ...config, workers, ...given }, { crew: crews.get(workers) })
  const history = await trainer.fit(data, { validationData, ...options })
  return { hash: trainer.weightsHash(), history }
}

const undisturbed = await train(1)

const places: [fault: string, phase: string][] = [
  ['phase=rows,at=claim', 'rows'],
  ['phase=rows', 'rows'],
  ['phase=gradient', 'gradient'],
  ['phase=reduce', 'reduce'],
  ['phase=update,at=claim', 'update'],
  ['phase=update', 'update'],
  ['phase=rows,at=decide', 'decision after rows'],
  ['phase=reduce,at=decide', 'decision after reduce'],
  ['phase=update,at=decide', 'decision after update'],
]

describe.each(WORKERS)('one of %i workers', (workers) => {
  // One worker has fewer ways to go: the three hardest places.
  it.each(workers > 1 ? places : places.slice(-4, -1))(
    'that dies at step 17, %s, is replaced, and no bit or record is lost',
    async (place, phase) => {
      const { hash, history } = await train(workers, { inject: [`worker-exit@step=17,${place}`] })
      expect(history.casualties).toMatchObject([{ how: 'died', phase }])
      expect(hash).toBe(undisturbed.hash)
      expect(history.history).toEqual(undisturbed.history.history)
      expect(history.steps.loss).toEqual(undisturbed.history.steps.loss)
      expect(history.steps.gradNorm).toEqual(undisturbed.history.steps.gradNorm)
    },
  )

  it('that dies in the evaluation or throws an error that nobody expected, likewise', async () => {
    const inject = [
      'worker-exit@phase=evaluate',
      // After the last of 26 batches, from 0.
      'worker-exit@step=26,phase=evaluate',
      'worker-throw@step=3,phase=gradient',
      'worker-throw@step=20,at=decide',
    ]
    const { hash, history } = await train(workers, { inject })
    expect(history.casualties).toHaveLength(4)
    expect(history.casualties.find(({ phase }) => phase === 'gradient')).toMatchObject({
      how: 'threw',
      step: 3,
      message: 'an error to order',
    })
    expect(hash).toBe(undisturbed.hash)
    expect(history.history).toEqual(undisturbed.history.history)
  })

  it('whose thread is ended from outside at any time, likewise', async () => {
    expect(crews.get(workers)!.threads).toHaveLength(workers)
    let batches = 0
    const onBatchEnd = async () => {
      // Nobody where the last one is just being replaced.
      if (++batches % 7 === 0) await crews.get(workers)!.threads[batches % workers]?.terminate()
    }
    // Given, so that the run does not end before its steps are told.
    const onEpochEnd = () => {}
    const { hash, history } = await train(workers, { callbacks: { onBatchEnd, onEpochEnd } })
    expect(history.casualties.length).toBeGreaterThan(0)
    expect(hash).toBe(undisturbed.hash)
    expect(history.steps.loss).toEqual(undisturbed.history.steps.loss)
  })
})

it.each([
  ['while the state is copied', 'phase=snapshot', 'snapshot'],
  ['when it is, before the copy counts,', 'phase=snapshot,at=decide', 'decision after snapshot'],
])('a worker that dies %s and one some steps after it change no bit', async (_, where, phase) => {
  // 4 steps an epoch; the state is copied every 148.
  const given: Partial<Config> = { batchSize: 64, epochs: 40 }
  const whole = await train(1, {}, given)
  const inject = [`worker-exit@${where}`, 'worker-exit@step=152,phase=update', 'worker-exit@step=100,phase=update']
  const { hash, history } = await train(3, { inject }, given)
  expect(history.casualties).toMatchObject([
    { step: 100, phase: 'update' },
    { step: 148, phase },
    { step: 152, phase: 'update' },
  ])
  expect(hash).toBe(whole.hash)
  expect(history.steps.loss).toEqual(whole.history.steps.loss)
})

it('a fault of one of several phases of rows comes there', async () => {
  const given: Partial<Config> = {
    model: { layers: [{ type: 'dense', units: 12 }, { type: 'batchNorm' }, { type: 'dense', units: 5 }] },
  }
  const whole = await train(1, {}, given)
  const inject = ['worker-exit@step=3,phase=rows,stage=3', 'worker-exit@step=8,phase=rows,stage=2,at=decide']
  const { hash, history } = await train(3, { inject }, given)
  expect(history.casualties).toMatchObject([
    { step: 3, phase: 'rows 3' },
    { how: 'died', phase: 'decision after rows 2' },
  ])
  expect(hash).toBe(whole.hash)
})

it('a worker that falls silent is named, ended and replaced', async () => {
  const { hash, history } = await train(
    3,
    { inject: ['worker-stall@step=17,phase=rows'] },
    { recovery: { stallSeconds: 0.3 } },
  )
  expect(history.casualties).toMatchObject([{ how: 'stalled', step: 17, phase: 'rows', piece: 0 }])
  expect(history.casualties[0]!.layer).toBe('dense_1 to dense_2')
  expect(history.casualties[0]!.samples).toHaveLength(16)
  expect(hash).toBe(undisturbed.hash)
})

it.each(WORKERS)('one of %i workers that hangs in its start-up is named, ended and replaced', async (workers) => {
  const inject = ['worker-stall@at=start']
  const { hash, history } = await train(workers, { inject }, { recovery: { stallSeconds: 0.2 } })
  expect(history.casualties).toMatchObject([{ how: 'stalled', phase: 'start-up' }])
  expect(hash).toBe(undisturbed.hash)
})

it('two that hang in their start-up, one after the other, end the fit: what was expected, what came and what to do', async () => {
  const inject = ['worker-stall@at=start', 'worker-stall@at=start']
  const error: unknown = await train(1, { inject }, { recovery: { stallSeconds: 0.2 } }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(TrainingError)
  expect(error).toMatchObject({ worker: 0, phase: 'start-up' })
  expect((error as Error).message).toMatch(
    /worker 0 does not move: it has been in start-up: expected it to go on, got nothing for \d.* s\. It cannot start, as one before: see what own modules wait for/,
  )
  // The crew has threads that work all the same.
  expect((await train(1)).hash).toBe(undisturbed.hash)
})

it('a worker that hangs between two pieces is ended when the others have done everything', async () => {
  // So many steps that one has to wait in the middle of them.
  const whole = await train(1, {}, { epochs: 60 })
  const given: Partial<Config> = { epochs: 60, recovery: { stallSeconds: 0.3 } }
  const { hash, history } = await train(3, { inject: ['worker-stall@at=wait'] }, given)
  expect(history.casualties).toMatchObject([{ how: 'stalled', phase: 'between two pieces' }])
  expect(hash).toBe(whole.hash)
})

it('an error that comes again at the same piece ends the fit, with its place and the original error', async () => {
  const inject = Array.from({ length: 5 }, () => 'worker-throw@step=17,phase=rows')
  const error: unknown = await train(3, { inject }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(TrainingError)
  expect(error).toMatchObject({ step: 17, phase: 'rows', piece: 0, layer: 'dense_1 to dense_2' })
  expect((error as TrainingError).samples).toHaveLength(16)
  expect((error as Error).message).toContain('an error to order')
  expect(((error as Error).cause as Error).stack).toContain('sabotage')
})

it('more losses than `recovery.restarts` end the fit', async () => {
  const inject = ['worker-exit@step=2', 'worker-exit@step=5', 'worker-exit@step=8']
  await expect(train(3, { inject }, { recovery: { restarts: 2 } })).rejects.toThrow('`restarts` is 2')
  expect((await train(3, { inject }, { recovery: { restarts: 3 } })).hash).toBe(undisturbed.hash)
})

it('four losses in one step end the fit; as many in others that are gone over once more do not', () => {
  const lost = new WorkerLost(1, 'died', new Error('worker exited with code: 1'))
  const lose = (steps: readonly number[]) =>
    steps.reduce((before, step) => {
      // 206 steps were taken, and the run set back to before them.
      const now = countCasualty(before, { how: 'died', step, phase: 'update', message: '' }, 206)
      pauseAfter(before, now, lost, DEFAULT_RECOVERY)
      return now
    }, noCasualties)
  expect(lose([206, 192, 129, 29, 29, 29])).toMatchObject({ count: 6, inARow: 3 })
  expect(() => lose([206, 29, 29, 29, 29])).toThrow('4 workers were lost without a step between')
})

it('an error at start-up ends the fit at once', async () => {
  const inject = ['worker-throw@at=start']
  const started = performance.now()
  const error: unknown = await train(1, { inject }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(TrainingError)
  expect((error as Error).message).toMatch(/start-up.*an error to order.*It cannot start/)
  expect(performance.now() - started).toBeLessThan(10_000)
})

it('a fault that cannot be read is refused, naming what is known', async () => {
  await expect(train(1, { inject: ['worker-exi@step=1'] })).rejects.toThrow('did you mean `worker-exit`')
  await expect(train(1, { inject: ['delay@step=x'] })).rejects.toThrow(UserError)
  await expect(train(1, { inject: ['delay@phase=reduc'] })).rejects.toThrow('did you mean `reduce`')
})

it('faults whose place never came are told, also where the run rested in between', async () => {
  const inject = ['delay@piece=9999', 'delay@step=3,millis=1', 'delay@phase=combine', 'worker-exit@step=25']
  expect((await train(3, { inject })).history.unfired).toEqual(['delay@piece=9999', 'delay@phase=combine'])
  await using trainer = await Trainer.create({ ...config, workers: 2 })
  const rest = {
    onEpochEnd: (epoch: number) => {
      if (epoch > 0) return
      trainer.pause()
      setTimeout(() => trainer.resume(), 200)
    },
  }
  const { unfired, casualties } = await trainer.fit(data, {
    callbacks: rest,
    inject: ['worker-exit', 'worker-exit@step=20', 'delay@piece=999'],
  })
  expect(unfired).toEqual(['delay@piece=999'])
  expect(casualties).toHaveLength(2)
})

it('a worker whose replacement dies as it starts is replaced once more', async () => {
  await using crew = Object.assign(new Crew(1), {
    async [Symbol.asyncDispose](this: Crew) {
      await this.close()
    },
  })
  await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew })
  const before = new Set(crew.threads)
  const ended = new Set<unknown>()
  // Before it has said that it is there.
  const timer = setInterval(() => {
    const replacement = crew.threads.find((thread) => !before.has(thread))
    if (!replacement || ended.size > 0) return
    ended.add(replacement)
    void replacement.terminate()
  }, 0)
  const history = await trainer.fit(data, { validationData, inject: ['worker-exit@step=5'] })
  clearInterval(timer)
  expect(ended.size).toBe(1)
  expect(history.casualties).toMatchObject([
    { how: 'died', step: 5 },
    { how: 'died', phase: 'start-up' },
  ])
  expect(trainer.weightsHash()).toBe(undisturbed.hash)
}, 60_000)
