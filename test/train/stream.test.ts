/** Training from streams: the bits depend on the rows alone, whatever their chunks, the workers, and what happens on the way. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { RowChunk, RowStream } from '../../src/data/stream.ts'
import { Phase } from '../../src/plan/plan.ts'
import type { FitOptions } from '../../src/train/callbacks.ts'
import type { History } from '../../src/train/history.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { State } from '../../src/train/state.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const WORKERS = [1, 3]
const crews = new Map(WORKERS.map((workers) => [workers, new Crew(workers)]))
const folder = await mkdtemp(join(tmpdir(), 'stream-'))
afterAll(async () => {
  await Promise.all([...crews.values()].map((crew) => crew.close()))
  await rm(folder, { recursive: true })
})

/** 203 rows: 13 batches of 16, the last of 11; 5 windows of 48, the last of 11. */
const data = blobs(203, 21, 5)
const validationData = blobs(50, 21, 5, 2)
const bufferRows = 48
const config: Config = {
  seed: 3,
  epochs: 3,
  batchSize: 16,
  optimizer: { type: 'adam', learningRate: 0.01 },
  classWeight: { 1: 2, 3: 0.5 },
  augment: { gaussianNoise: 0.05 },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

const rowsOf = ({ x, y, features }: Dataset, from: number, to: number): RowChunk => ({
  x: x.subarray(from * features, to * features),
  y: y.subarray(from, to),
})

/** The rows in chunks of these sizes, again and again. */
function* chunks(sizes: readonly number[], of = data): Generator<RowChunk> {
  for (let row = 0, i = 0; row < of.rows; i++) {
    const end = Math.min(of.rows, row + sizes[i % sizes.length]!)
    yield rowsOf(of, row, end)
    row = end
  }
}

function* singles(): Generator<RowChunk> {
  for (let row = 0; row < data.rows; row++) yield { x: [...data.x.subarray(row * 21, (row + 1) * 21)], y: data.y[row]! }
}

async function* slowly(): AsyncGenerator<RowChunk> {
  for (const chunk of chunks([30])) {
    await setTimeout(3)
    yield chunk
  }
}

interface Outcome {
  readonly hash: string
  readonly history: History
}

async function train(
  stream: RowStream | Dataset,
  options: FitOptions = {},
  given: Partial<Config> = {},
  workers = 1,
): Promise<Outcome> {
  await using trainer = await Trainer.create({ ...config, workers, ...given }, { crew: crews.get(workers) })
  const history = await trainer.fit(stream, { validationData, bufferRows, ...options })
  return { hash: trainer.weightsHash(), history }
}

const fit = (stream: RowStream, given: Partial<Config> = {}, options: FitOptions = {}) => train(stream, options, given)

const undisturbed = await train(() => chunks([203]))

function expectSame({ hash, history }: Outcome): void {
  expect(hash).toBe(undisturbed.hash)
  expect(history.history).toEqual(undisturbed.history.history)
  expect(history.steps.loss).toEqual(undisturbed.history.steps.loss)
}

const ways: [how: string, stream: RowStream][] = [
  ['one by one', singles],
  ['in chunks of 7', () => chunks([7])],
  ['in chunks of all sizes, some empty', () => chunks([1, 0, 100, 3, 48])],
  ['slowly', slowly],
  ['from an object that is iterated once more in each epoch', { [Symbol.asyncIterator]: slowly }],
]

describe.each(WORKERS)('by %i workers', (workers) => {
  it.each(ways)('rows that come %s give the same bits', async (_, stream) => {
    expectSame(await train(stream, {}, {}, workers))
  })

  it.each(['step=15,phase=rows', 'step=16,phase=update,at=decide', 'step=26,phase=gradient'])(
    'nothing is lost with a worker at %s',
    async (place) => {
      const outcome = await train(slowly, { inject: [`worker-exit@${place}`] }, {}, workers)
      expect(outcome.history.casualties).toHaveLength(1)
      expectSame(outcome)
    },
  )
})

describe('a stream', () => {
  it('that fits in the buffer gives the bits of the same rows in memory', async () => {
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    const history = await trainer.fit(data, { validationData })
    const streamed = await train(() => chunks([11]), { bufferRows: 300 })
    expect(streamed.hash).toBe(trainer.weightsHash())
    expect(streamed.history.history).toEqual(history.history)
    expect(undisturbed.hash).not.toBe(trainer.weightsHash())
  })

  it('is planned for by its windows, and validation rows likewise', async () => {
    await using trainer = await Trainer.create(config, { crew: crews.get(1) })
    const { spec } = trainer.plan(data, 'stream', { bufferRows })
    expect(spec.trainRows).toBe(bufferRows)
    // In whole batches of an evaluation, as `Examiner` reads them.
    const { evaluationRows } = trainer.plan(data, validationData, { bufferRows })
    expect(spec.evaluationRows).toBe(Math.ceil(bufferRows / evaluationRows) * evaluationRows)
    expect(trainer.plan(data, validationData).spec).toMatchObject({ trainRows: 203, evaluationRows: 50 })
  })

  it('is trained on row by row, each once in an epoch, shuffled within its window', async () => {
    const seen: number[] = []
    const crew = new InlineCrew({
      after(phase, { plan, arena, state }) {
        if (phase !== Phase.update) return
        const { target } = plan.at
        seen.push(...arena.floats.subarray(target, target + state[State.batchRows]!))
      },
    })
    function* numbers(): Generator<RowChunk> {
      for (let i = 0; i < 101; i++) yield { x: [i / 100, 1], y: i }
    }
    await using trainer = await Trainer.create(
      {
        batchSize: 8,
        epochs: 2,
        optimizer: { type: 'sgd', learningRate: 1e-6 },
        model: { layers: [{ type: 'dense', units: 1 }] },
      },
      { crew },
    )
    await trainer.fit(numbers, { bufferRows: 25 })
    expect(seen).toHaveLength(202)
    const orders = new Set<string>()
    // 25 rows are rounded up to whole batches: 32.
    for (let epoch = 0; epoch < 2; epoch++) {
      for (let start = 0; start < 101; start += 32) {
        const length = Math.min(32, 101 - start)
        const window = seen.slice(101 * epoch + start, 101 * epoch + start + length)
        expect([...window].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => start + i))
        orders.add(window.map((row) => row - start).join())
      }
    }
    expect(orders.size).toBe(8)
  })

  it('without an end is cut after `stepsPerEpoch`, which schedules count by', async () => {
    async function* endless(): AsyncGenerator<RowChunk> {
      for (;;) yield* slowly()
    }
    const { history } = await train(endless, { stepsPerEpoch: 5 }, { schedule: { type: 'cosine' } })
    expect(history.steps.length).toBe(15)
    expect(history.epoch).toEqual([0, 1, 2])
    expect(history.steps.learningRate.at(-1)).toBeLessThan(0.001)
  })

  it('tells each batch its number in the epoch', async () => {
    const batches: number[] = []
    const callbacks = { onBatchEnd: (batch: number) => void batches.push(batch) }
    await train(slowly, { callbacks }, { epochs: 2 })
    expect(batches).toEqual([...Array(13).keys(), ...Array(13).keys()])
  })

  it('of a kind that can be read once is enough for one epoch', async () => {
    const { hash } = await fit(slowly(), { epochs: 1 })
    expect(hash).toBe((await fit(singles, { epochs: 1 })).hash)
  })

  it('is closed when the training ends before it', async () => {
    let closed = 0
    async function* watched(): AsyncGenerator<RowChunk> {
      try {
        for (;;) yield* slowly()
      } finally {
        closed++
      }
    }
    await fit(watched, { maxSteps: 4 })
    await expect.poll(() => closed).toBe(1)
  })

  it.each([1, 3, 17, 26])('goes on after step %i, in the middle of an epoch, with the same bits', async (step) => {
    const directory = join(folder, `resume-${step}`)
    await train(slowly, { checkpoint: { directory } }, { maxSteps: step })
    await using trainer = await Trainer.load(
      join(directory, 'last.ckpt'),
      { maxSteps: undefined, workers: 3 },
      { crew: crews.get(3) },
    )
    expect(trainer.resumable).toBe(true)
    const history = await trainer.fit(() => chunks([5]), { validationData, bufferRows })
    expect(trainer.weightsHash()).toBe(undisturbed.hash)
    expect(history.history).toEqual(undisturbed.history.history)
  })

  // The second is over before the run has come to rest.
  it.each([150, 0])('goes on after a pause of %i ms with the same bits, though it is read once', async (millis) => {
    await using trainer = await Trainer.create({ ...config, workers: 1, epochs: 1 }, { crew: crews.get(1) })
    let pauses = 0
    const callbacks = {
      async onBatchEnd(batch: number) {
        if (batch !== 2 && batch !== 7) return
        pauses++
        trainer.pause()
        void setTimeout(millis).then(() => trainer.resume())
      },
    }
    await trainer.fit(slowly(), { validationData, bufferRows, callbacks })
    expect(pauses).toBe(2)
    expect(trainer.weightsHash()).toBe((await fit(slowly, { epochs: 1 })).hash)
  })

  it('that throws says where, and the training goes on from there with the same bits', async () => {
    let broken = true
    async function* fragile(epoch: number): AsyncGenerator<RowChunk> {
      let row = 0
      for await (const chunk of slowly()) {
        if (broken && epoch === 1 && row >= 120) throw new Error('the cable is out')
        row += 30
        yield chunk
      }
    }
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    const options = { validationData, bufferRows }
    // 13 steps of epoch 0, and the two full windows of the 120 rows that came.
    await expect(trainer.fit(fragile, options)).rejects.toThrow(
      /^Expected more rows of training data, but the stream failed after 120 rows of epoch 1: the cable is out\. The 19 steps before are kept/,
    )
    broken = false
    await trainer.fit(fragile, options)
    expect(trainer.weightsHash()).toBe(undisturbed.hash)
  })

  it('that throws is not hidden by a last checkpoint that cannot be written: that is attached', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'brigantine-stream-')), 'taken')
    async function* fragile(): AsyncGenerator<RowChunk> {
      yield* slowly()
      await rm(folder, { recursive: true })
      await writeFile(folder, '')
      throw new Error('the cable is out')
    }
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    const error = await trainer
      .fit(fragile, { bufferRows, checkpoint: { directory: folder } })
      .catch((caught: unknown) => caught as Error & { suppressed?: Error[] })
    await rm(dirname(folder), { recursive: true })
    expect((error as Error).message).toMatch(/the stream failed after \d+ rows of epoch 0: the cable is out/)
    const { suppressed = [] } = error as { suppressed?: Error[] }
    expect(suppressed.map(({ message }) => message)).toEqual([
      expect.stringMatching(/last\.ckpt: could not be written/),
    ])
    expect(trainer.resumable).toBe(true)
  })

  it('that gives chunks without rows for ever does so too', async () => {
    function* empty(): Generator<RowChunk> {
      for (;;) yield { x: [], y: [] }
    }
    await expect(fit(empty, { epochs: 1, recovery: { stallSeconds: 0.05 } })).rejects.toThrow(
      'Expected more rows of training data, but the stream gave none',
    )
  })

  it('that hangs ends the training after its deadline, or at once with the signal', async () => {
    async function* hanging(): AsyncGenerator<RowChunk> {
      yield rowsOf(data, 0, 60)
      await new Promise(() => {})
    }
    const recovery = { stallSeconds: 0.03 }
    await expect(fit(hanging, { recovery })).rejects.toThrow(
      /gave none for \d+ s after 60 rows of epoch 0.*stallSeconds/,
    )
    const history = await fit(hanging, {}, { signal: AbortSignal.timeout(300) })
    expect(history.history.stopped).toBe('aborted')
    expect(history.history.steps.length).toBe(3)
  })
})

function* wider(): Generator<RowChunk> {
  yield* chunks([100])
  yield { x: [new Float32Array(22)], y: [0] }
}
function* sometimesWeighted(): Generator<RowChunk> {
  yield* chunks([100])
  yield { x: [new Float32Array(21)], y: [0], sampleWeight: [1] }
}
function* wronglyLabelled(): Generator<RowChunk> {
  yield* chunks([100])
  yield { x: [new Float32Array(21)], y: [5] }
}
function* notFinite(): Generator<RowChunk> {
  yield* chunks([100])
  yield { x: new Float32Array(21).fill(NaN), y: 0 } as RowChunk
}
function* half(epoch: number): Generator<RowChunk> {
  if (epoch === 0) yield* chunks([50])
}
const no = (value: unknown) =>
  function* (): Generator<RowChunk> {
    yield value as RowChunk
  }

const refused: [what: string, stream: RowStream, error: RegExp, given?: Partial<Config>, options?: FitOptions][] = [
  ['without rows', () => [], /one row of training data or more in epoch 0, but the stream ended at once/],
  ['without rows in its second epoch', half, /in epoch 1, but .* give a function that opens it/],
  [
    'of another width later',
    wider,
    /rows of 21 features and 1 target, .* got 22 features and 1 target after 203 rows of epoch 0/,
  ],
  ['of weights that come later', sometimesWeighted, /without `sampleWeight`, .* got some with it after 203 rows/],
  ['of labels beyond the classes', wronglyLabelled, /got `5`.*Row 0 is row 192 of epoch 0/s],
  ['of numbers that are not finite', notFinite, /Expected finite numbers in x, got `NaN` .*after 203 rows of epoch 0/],
  ['of numbers', no(7), /rows of the stream as `\{ x, y \}`, got `7` \(number\) at the start of epoch 0/],
  ["of another tool's names", no({ xs: [[1]], ys: [1] }), /as `\{ x, y \}`, got an object with keys xs, ys/],
  [
    'from a function of something else',
    (() => 7) as never,
    /return an iterable of rows .*got `7` \(number\) for epoch 0/,
  ],
  ['that is read once, for three epochs', slowly(), /read 3 times, once in each epoch, .*`\(epoch\) => rows\(\)`/],
  ['as one batch', slowly, /a number as `batchSize` .*'full'.*toDataset/, { batchSize: 'full' }],
  ['with repairs', slowly, /`health: 'warn'` or 'observe' .*'repair'/, { health: 'repair' }],
  [
    'with a schedule of unknown length',
    slowly,
    /`stepsPerEpoch` for the schedule `cosine`/,
    { schedule: { type: 'cosine' } },
  ],
  [
    'in one cycle of unknown length',
    slowly,
    /`stepsPerEpoch` for the schedule `oneCycle`/,
    { schedule: { type: 'oneCycle' } },
  ],
  [
    'of fewer steps than told',
    slowly,
    /20 batches of 16 rows in epoch 0 .* after 203 rows. Set `stepsPerEpoch: 13`/,
    {},
    { stepsPerEpoch: 20 },
  ],
  ['with half a buffer', slowly, /`bufferRows` of an integer >= 1 .*got `0.5`/, {}, { bufferRows: 0.5 }],
]

describe('a stream is refused', () => {
  it.each(refused)('%s', async (_, stream, error, given = {}, options = {}) => {
    await expect(fit(stream, { ...given }, options)).rejects.toThrow(error)
  })

  it('that is not the interrupted one, which can still go on after it', async () => {
    const file = join(folder, 'interrupted.brig')
    {
      await using trainer = await Trainer.create({ ...config, maxSteps: 21 }, { crew: crews.get(1) })
      await trainer.fit(slowly, { validationData, bufferRows })
      await trainer.save(file)
    }
    await using trainer = await Trainer.load(file, { maxSteps: undefined }, { crew: crews.get(1) })
    await expect(trainer.fit(data, { validationData })).rejects.toThrow(/Expected a stream, .*got data in memory/)
    const shorter = (rows: number) => () => chunks([10], blobs(rows, 21, 5))
    await expect(trainer.fit(shorter(120), { validationData, bufferRows })).rejects.toThrow(
      /stands at row 128 of epoch 1, but the stream ended after 120 rows/,
    )
    await expect(trainer.fit(shorter(40), { validationData, bufferRows })).rejects.toThrow(/ended after 40 rows/)
    await expect(trainer.fit(slowly, { validationData, bufferRows: 64 })).rejects.toThrow(
      /interrupted run's 48 training rows.*and `bufferRows`/,
    )
    await trainer.fit(slowly, { validationData, bufferRows })
    expect(trainer.weightsHash()).toBe(undisturbed.hash)
  })
})
