/** Measured by a stream: the same bits as by its rows in memory, whatever the chunks, the workers, and what happens on the way. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { RowChunk, RowStream } from '../../src/data/stream.ts'
import type { FitOptions } from '../../src/train/callbacks.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const WORKERS = [1, 3]
const crews = new Map(WORKERS.map((workers) => [workers, new Crew(workers)]))
const folder = await mkdtemp(join(tmpdir(), 'examiner-'))
afterAll(async () => {
  await Promise.all([...crews.values()].map((crew) => crew.close()))
  await rm(folder, { recursive: true })
})

const data = blobs(203, 21, 5)
/** An evaluation's batches have 64 rows here (8 blocks of 8), or 256 where nothing is trained: the last ones are short. */
const heldOut = blobs(900, 21, 5, 2)
const bufferRows = 128
const config: Config = {
  seed: 3,
  epochs: 3,
  batchSize: 16,
  optimizer: { type: 'adam', learningRate: 0.01 },
  metrics: ['accuracy', 'auc', 'f1'],
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'batchNorm' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

let opened = 0
function* chunks(sizes: readonly number[], { x, y, features, rows }: Dataset = heldOut): Generator<RowChunk> {
  opened++
  for (let row = 0, i = 0; row < rows; i++) {
    const end = Math.min(rows, row + sizes[i % sizes.length]!)
    yield { x: x.subarray(row * features, end * features), y: y.subarray(row, end) }
    row = end
  }
}

async function* slowly(): AsyncGenerator<RowChunk> {
  for (const chunk of chunks([300])) {
    await setTimeout(3)
    yield chunk
  }
}

async function train(
  validationData: Dataset | RowStream,
  options: FitOptions = {},
  given: Partial<Config> = {},
  workers = 1,
) {
  await using trainer = await Trainer.create({ ...config, workers, ...given }, { crew: crews.get(workers) })
  const history = await trainer.fit(data, {
    validationData,
    bufferRows: 'x' in validationData ? undefined : bufferRows,
    ...options,
  })
  return { hash: trainer.weightsHash(), history: history.history, casualties: history.casualties }
}

const { hash, history } = await train(heldOut)
const expected = { hash, history }

const ways: [how: string, stream: RowStream][] = [
  ['in chunks of 7', () => chunks([7])],
  ['in chunks of all sizes, some empty', () => chunks([1, 0, 300, 3, 48])],
  ['in windows that end with the stream', () => chunks([128])],
  ['slowly', slowly],
  ['from an object that is iterated once more after each epoch', { [Symbol.asyncIterator]: slowly }],
]

describe.each(WORKERS)('validation by %i workers', (workers) => {
  it.each(ways)('on rows that come %s gives the bits of the same rows in memory', async (_, stream) => {
    expect(await train(stream, {}, {}, workers)).toMatchObject(expected)
  })

  it.each(['step=13,phase=evaluate', 'step=26,phase=evaluate,piece=5', 'step=14,phase=rows'])(
    'loses nothing with a worker at %s',
    async (place) => {
      const outcome = await train(slowly, { inject: [`worker-exit@${place}`] }, {}, workers)
      expect(outcome.casualties).toHaveLength(1)
      expect(outcome).toMatchObject(expected)
    },
  )
})

describe('validation on a stream', () => {
  it('reads rows that fit in the buffer once, be it an iterator; others after each epoch, and no more', async () => {
    opened = 0
    const whole = await train(() => chunks([100]), { bufferRows: 1000 })
    expect(opened).toBe(1)
    expect(whole).toMatchObject(expected)
    expect(await train(chunks([100]), { bufferRows: 1000 })).toMatchObject(expected)
    opened = 0
    await train(() => chunks([100]))
    expect(opened).toBe(3)
  })

  it('goes with training on a stream', async () => {
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    const history = await trainer.fit(() => chunks([50], data), { validationData: slowly, bufferRows: 256 })
    expect(trainer.weightsHash()).toBe(expected.hash)
    expect(history.history).toEqual(expected.history)
  })

  it('stops early, and goes back to the best epoch, as with rows in memory', async () => {
    const given: Partial<Config> = { epochs: 8, earlyStopping: { patience: 1, restoreBestWeights: true } }
    expect(await train(slowly, {}, given)).toEqual(await train(heldOut, {}, given))
  })

  it('goes on after an interruption between two steps with the same bits', async () => {
    const file = join(folder, 'between.brig')
    {
      await using trainer = await Trainer.create({ ...config, maxSteps: 20 }, { crew: crews.get(1) })
      await trainer.fit(data, { validationData: slowly, bufferRows })
      await trainer.save(file)
    }
    // With other rows in the arena at a time, or all of them.
    for (const validation of [{ validationData: slowly, bufferRows: 256 }, { validationData: heldOut }]) {
      await using trainer = await Trainer.load(file, { maxSteps: undefined }, { crew: crews.get(1) })
      const history = await trainer.fit(data, validation)
      expect(trainer.weightsHash()).toBe(expected.hash)
      expect(history.history).toEqual(expected.history)
    }
  })

  it.each([
    ['in memory', data, undefined],
    ['of a stream', (): Iterator<RowChunk> => chunks([48], data), 128],
  ] as const)(
    'that fails ends a training on data %s, which goes on in the same evaluation',
    async (_, rows, buffer) => {
      let broken = true
      async function* fragile(epoch: number): AsyncGenerator<RowChunk> {
        let row = 0
        for await (const chunk of slowly()) {
          if (broken && epoch === 1 && row >= 600) throw new Error('the cable is out')
          row += 300
          yield chunk
        }
      }
      const options = { validationData: fragile, bufferRows }
      const undisturbed = await (async () => {
        await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
        const { history } = await trainer.fit(rows as Dataset, {
          validationData: slowly,
          bufferRows: buffer ?? bufferRows,
        })
        return { history, hash: trainer.weightsHash() }
      })()
      const file = join(folder, 'fragile.brig')
      {
        await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
        await expect(trainer.fit(rows as Dataset, options)).rejects.toThrow(
          /^Expected more rows of validation data, but the stream failed after 600 rows of epoch 1: the cable is out\. The 26 steps before are kept/,
        )
        await trainer.save(file)
      }
      broken = false
      await using trainer = await Trainer.load(file, {}, { crew: crews.get(3) })
      const { history } = await trainer.fit(rows as Dataset, options)
      expect({ history, hash: trainer.weightsHash() }).toEqual(undisturbed)
    },
  )

  it('is left at once with the signal, and goes on with the same bits', async () => {
    const stop = new AbortController()
    async function* hanging(epoch: number): AsyncGenerator<RowChunk> {
      if (epoch < 1 || stop.signal.aborted) return yield* slowly()
      yield* chunks([200])
      void setTimeout(150).then(() => stop.abort())
      await new Promise(() => {})
    }
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    const first = await trainer.fit(data, { validationData: hanging, bufferRows, signal: stop.signal })
    expect(first.stopped).toBe('aborted')
    const history = await trainer.fit(data, { validationData: slowly, bufferRows })
    expect(trainer.weightsHash()).toBe(expected.hash)
    expect(history.history).toEqual(expected.history)
  })

  it('goes on after a pause in the middle of an evaluation', async () => {
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    let pauses = 0
    async function* pausing(epoch: number): AsyncGenerator<RowChunk> {
      for (const chunk of chunks([300])) {
        yield chunk
        if (epoch !== 1 || pauses > 0) continue
        pauses++
        trainer.pause()
        void setTimeout(250).then(() => trainer.resume())
        await setTimeout(150)
      }
    }
    const history = await trainer.fit(data, { validationData: pausing, bufferRows })
    expect(pauses).toBe(1)
    expect(trainer.weightsHash()).toBe(expected.hash)
    expect(history.history).toEqual(expected.history)
  })

  it.each<[what: string, stream: RowStream, error: RegExp, given?: Partial<Config>, options?: FitOptions]>([
    ['without rows', () => [], /one row of validation data or more in epoch 0, but the stream ended at once/],
    ['of another width', () => chunks([9], blobs(20, 20, 5)), /validation data of shape \[rows, 21\].*\[20, 20\]/],
    [
      'of labels beyond the classes, later',
      function* () {
        yield* chunks([300])
        yield { x: new Float32Array(21), y: 5 } as unknown as RowChunk
      },
      /got `5`.*Row 0 is row 896 of epoch 0/s,
    ],
    ['that is read once and does not fit', slowly(), /read 3 times, .* or fits in `bufferRows`/],
    ['with repairs', slowly, /validation data in memory with `health: 'repair'`/, { health: 'repair' }],
    ['with half a buffer', slowly, /`bufferRows` of an integer >= 1 .*got `0.5`/, {}, { bufferRows: 0.5 }],
    ['with steps of an epoch', slowly, /a stream for `stepsPerEpoch`, got data in memory/, {}, { stepsPerEpoch: 3 }],
  ])('is refused %s', async (_, stream, error, given = {}, options = {}) => {
    await expect(train(stream, options, given)).rejects.toThrow(error)
  })
})

describe('evaluate', () => {
  it.each(WORKERS)('gives a stream the bits of its rows in memory, by %i workers', async (workers) => {
    await using trainer = await Trainer.create({ ...config, workers }, { crew: crews.get(workers) })
    await trainer.fit(data)
    const [whole, confusion] = [await trainer.evaluate(heldOut), await trainer.confusion(heldOut)]
    for (const rows of [undefined, 256, 300, 512]) {
      for (const stream of [slowly, () => chunks([1, 0, 300, 7])]) {
        expect(await trainer.evaluate(stream, { bufferRows: rows })).toEqual(whole)
        expect(await trainer.confusion(stream, { bufferRows: rows })).toEqual(confusion)
      }
    }
    // An iterator will do: its rows are read once.
    expect(await trainer.evaluate(chunks([30]), { bufferRows: 256 })).toEqual(whole)
  })

  it('says where a stream fails, and is as it was', async () => {
    await using trainer = await Trainer.create({ ...config, workers: 1 }, { crew: crews.get(1) })
    await expect(trainer.evaluate(slowly)).rejects.toThrow(/a trained or loaded model to evaluate a stream with/)
    await trainer.fit(data)
    async function* fragile(): AsyncGenerator<RowChunk> {
      yield* chunks([300, 300, 1])
      throw new Error('the cable is out')
    }
    await expect(trainer.evaluate(fragile, { bufferRows: 256 })).rejects.toThrow(
      'Expected more rows of data, but the stream failed after 900 rows of epoch 0: the cable is out.',
    )
    await expect(trainer.evaluate(heldOut, { bufferRows: 256 })).rejects.toThrow(/a stream for `bufferRows`/)
    expect(await trainer.evaluate(slowly, { bufferRows: 256 })).toEqual(await trainer.evaluate(heldOut))
  })
})
