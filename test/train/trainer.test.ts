import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { UserError } from '../../src/errors.ts'
import { learningRate } from '../../src/optim/schedules.ts'
import { Phase } from '../../src/plan/plan.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs, line } from './data.ts'
import { ObservedCrew, shareOfOthers, turns } from './observed.ts'

const crew = new Crew(2)
const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
afterAll(async () => {
  await crew.close()
  await rm(directory, { recursive: true })
})

const data = blobs(150, 6, 3)
const validation = blobs(70, 6, 3, 2)
const base: Config = {
  seed: 5,
  epochs: 4,
  batchSize: 32,
  optimizer: { type: 'adam', learningRate: 0.02 },
  model: {
    layers: [
      { type: 'dense', units: 16, activation: 'relu' },
      { type: 'dense', units: 3 },
    ],
  },
}
const regression: Config = { ...base, epochs: 30, model: { layers: [{ type: 'dense', units: 1 }] } }
const numbers = line(200, 4)

const create = (config: Partial<Config> = {}): Promise<Trainer> => Trainer.create({ ...base, ...config }, { crew })

async function hashAfter(data: Dataset, config: Partial<Config> = {}): Promise<string> {
  const trainer = await create(config)
  await trainer.fit(data)
  return trainer.weightsHash()
}

function pick(data: Dataset, rows: readonly number[]): Dataset {
  const { features, targets } = data
  const slice = (values: Float32Array, width: number) =>
    Float32Array.from(rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]))
  return { rows: rows.length, features, targets, x: slice(data.x, features), y: slice(data.y, targets) }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const last = (values: readonly number[] | undefined): number => values!.at(-1)!

describe('fit', () => {
  it('names its history as Keras does', async () => {
    const trainer = await create()
    const { epoch, history, stopped, skipped, steps } = await trainer.fit(data, { validationData: validation })
    expect(epoch).toEqual([0, 1, 2, 3])
    expect(Object.keys(history)).toEqual(['loss', 'acc', 'val_loss', 'val_acc'])
    for (const values of Object.values(history)) {
      expect(values).toHaveLength(4)
      for (const value of values) expect(Number.isFinite(value)).toBe(true)
    }
    expect(stopped).toBe('completed')
    expect(skipped).toBe(0)
    // 150 rows in batches of 32: 5 steps an epoch.
    expect(steps.length).toBe(4 * 5)
  })

  it('leaves out the values of validation where there is none', async () => {
    const trainer = await create({ epochs: 1 })
    const { history } = await trainer.fit(data)
    expect(Object.keys(history)).toEqual(['loss', 'acc'])
  })

  it('counts every row once in the loss and accuracy of an epoch, however uneven the batches', async () => {
    // The smallest normal rate moves no weight of size 1e-3 or more: the epoch's values are those of the initial weights.
    const trainer = await create({ epochs: 1, optimizer: { type: 'sgd', learningRate: 1e-30 } })
    const { history } = await trainer.fit(data)
    const { loss, acc } = await trainer.evaluate(data)
    expect(last(history.loss)).toBeCloseTo(loss!, 12)
    expect(last(history.acc)).toBe(acc)
  })

  it('records each step: loss, norms before and after clipping, the rate of the schedule', async () => {
    const schedule = { type: 'cosine', warmupSteps: 3 } as const
    const trainer = await create({ clip: 0.5, schedule })
    const { steps } = await trainer.fit(data)
    expect(steps.length).toBe(20)
    for (const column of [steps.loss, steps.gradNorm, steps.gradNormAfterClip, steps.learningRate]) {
      expect(column.every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
    }
    expect([...steps.verdict]).toEqual(Array(20).fill(0))
    const clipped = steps.gradNorm.filter((norm) => norm > 0.5)
    expect(clipped.length).toBeGreaterThan(0)
    steps.gradNormAfterClip.forEach((after, i) => {
      expect(after).toBeLessThanOrEqual(0.5)
      if (steps.gradNorm[i]! <= 0.5) expect(after).toBe(steps.gradNorm[i])
    })
    steps.learningRate.forEach((rate, step) => {
      expect(rate).toBe(Math.fround(learningRate(schedule, 0.02, step, 5, 20)))
    })
    expect(steps.micros[0]).toBeNaN()
    expect(steps.micros.subarray(1).every((micros) => micros >= 0)).toBe(true)
  })

  it('gives the norm that clipping by value leaves, also for a batch of weight 0', async () => {
    const sampleWeight = Float32Array.from({ length: 150 }, (_, i) => (i < 32 ? 0 : 1))
    const trainer = await create({ epochs: 1, shuffle: false, clip: { mode: 'value', value: 0.01 } })
    const { steps } = await trainer.fit({ ...data, sampleWeight })
    expect(steps.gradNormAfterClip[0]).toBe(0)
    for (let i = 1; i < 5; i++) {
      // 163 parameters, each at most 0.01.
      expect(steps.gradNormAfterClip[i]).toBeLessThanOrEqual(0.01 * Math.sqrt(163))
      expect(steps.gradNormAfterClip[i]).toBeLessThan(steps.gradNorm[i]!)
      expect(steps.gradNormAfterClip[i]).toBeGreaterThan(0)
    }
  })

  it('learns to tell blobs apart', async () => {
    const trainer = await create({ epochs: 15 })
    const { history } = await trainer.fit(data, { validationData: validation })
    expect(last(history.loss)).toBeLessThan(0.5 * history.loss![0]!)
    // Chance is 1/3; the blobs overlap.
    expect(last(history.val_acc)).toBeGreaterThan(0.8)
  })

  it('learns a line', async () => {
    const trainer = await Trainer.create({ ...regression, optimizer: { type: 'sgd', learningRate: 0.3 } }, { crew })
    const { history } = await trainer.fit(numbers, { validationData: line(100, 4, 2) })
    expect(Object.keys(history)).toEqual(['loss', 'mae', 'r2', 'val_loss', 'val_mae', 'val_r2'])
    // Noise of 0.1 beside a spread of sqrt(1 + 4 + 9 + 16): at best r2 = 1 - 0.01 / 30.
    expect(last(history.val_r2)).toBeGreaterThan(0.999)
    expect(last(history.val_mae)).toBeLessThan(0.12)
  })

  it.each([1, 'full', 150, 1000] as const)('takes batches of %s', async (batchSize) => {
    const trainer = await create({ batchSize, epochs: 2 })
    const { steps, history } = await trainer.fit(data)
    expect(steps.length).toBe(batchSize === 1 ? 300 : 2)
    expect(history.loss![1]).toBeLessThan(history.loss![0]!)
  })

  it("makes 'full', n and more than n the same batch, bit for bit", async () => {
    const hashes = await Promise.all(
      (['full', 150, 1000] as const).map((batchSize) => hashAfter(data, { batchSize, health: { spikeSkip: false } })),
    )
    expect(new Set(hashes).size).toBe(1)
  })

  it('ends at maxSteps', async () => {
    const trainer = await create({ maxSteps: 7 })
    const { steps, stopped, epoch } = await trainer.fit(data)
    expect([steps.length, stopped, epoch]).toEqual([7, 'maxSteps', [0]])
  })

  it('goes on from its weights and optimizer state when called again', async () => {
    const trainer = await create({ epochs: 3 })
    const first = await trainer.fit(data)
    const second = await trainer.fit(data)
    expect(second.epoch).toEqual([0, 1, 2])
    expect(second.history.loss![0]).toBeLessThan(first.history.loss![0]!)
  })

  it('refuses data that does not fit, naming both shapes', async () => {
    const trainer = await create()
    await trainer.build(data)
    await expect(trainer.fit(blobs(10, 5, 3))).rejects.toThrow('training data of shape [rows, 6]')
    await expect(trainer.fit(data, { validationData: blobs(10, 5, 3) })).rejects.toThrow('validation data of shape')
    await expect(trainer.fit(blobs(50, 6, 7))).rejects.toThrow('integers from 0 to 2')
    await expect(trainer.fit(data, { checkpoint: { directory, monitor: 'val_loss2' } })).rejects.toThrow(UserError)
  })

  it('draws no weights of a network that does not fit, and says what it would take', async () => {
    const trainer = await create({ model: { layers: [40_000, 40_000, 3].map((units) => ({ type: 'dense', units })) } })
    await expect(trainer.fit(data)).rejects.toThrow(/^Expected the plan to fit in [^]*parameters +\d+\.\d MiB/)
    expect(() => trainer.getWeights()).toThrow('Expected a trained or loaded model')
  })

  it('lets the host go on while it draws its weights', async () => {
    const trainer = await create({ model: { layers: [{ type: 'dense', units: 2048 }] } })
    let [isDrawn, rounds] = [false, 0]
    void trainer.build({ features: 512, targets: 1 }).then(() => (isDrawn = true))
    for (; !isDrawn; rounds++) await new Promise(setImmediate)
    // A million, 16,384 at a time.
    expect(rounds).toBeGreaterThanOrEqual(64)
  })
})

describe('evaluate', () => {
  it('equals what fit reported as validation', async () => {
    const trainer = await create({ metrics: ['accuracy', { type: 'topK', k: 2 }] })
    const { history } = await trainer.fit(data, { validationData: validation })
    const { loss, acc, top2Acc } = await trainer.evaluate(validation)
    // Sums of float64 in blocks of other sizes: equal to their rounding.
    expect(loss).toBeCloseTo(last(history.val_loss), 12)
    expect(acc).toBe(last(history.val_acc))
    expect(top2Acc).toBe(last(history.val_top2Acc))
    expect(top2Acc).toBeGreaterThanOrEqual(acc!)
  })

  it('agrees with the predictions: accuracy is the share of rows whose most probable class is theirs', async () => {
    const trainer = await create()
    await trainer.fit(data)
    const p = await trainer.predict(validation.x)
    let right = 0
    let loss = 0
    for (let r = 0; r < 70; r++) {
      const row = [...p.subarray(3 * r, 3 * r + 3)]
      right += row.indexOf(Math.max(...row)) === validation.y[r] ? 1 : 0
      loss -= Math.log(row[validation.y[r]!]!) / 70
    }
    const values = await trainer.evaluate(validation)
    expect(values.acc).toBe(right / 70)
    expect(values.loss).toBeCloseTo(loss, 5)
  })
})

describe('confusion', () => {
  it('agrees with the predictions and with accuracy, for any number of workers', async () => {
    const trainer = await create()
    await trainer.fit(data)
    const p = await trainer.predict(validation.x)
    const counts = [0, 1, 2].map(() => [0, 0, 0])
    for (let r = 0; r < 70; r++) {
      const row = [...p.subarray(3 * r, 3 * r + 3)]
      counts[validation.y[r]!]![row.indexOf(Math.max(...row))]! += 1
    }
    const confusion = (await trainer.confusion({ ...validation, classNames: ['a', 'b', 'c'] }))!
    expect(confusion).toEqual({ classes: ['a', 'b', 'c'], counts, undecided: [0, 0, 0] })
    const { acc } = await trainer.evaluate(validation)
    expect(counts.reduce((sum, row, c) => sum + row[c]!, 0) / 70).toBe(acc)
    const file = join(directory, 'confusion.brig')
    await trainer.save(file)
    for (const workers of [1, 3]) {
      await using again = await Trainer.load(file, { workers })
      expect((await again.confusion(validation))!.counts).toEqual(counts)
    }
  })

  it('is not told of numbers, nor of several yes-or-no answers', async () => {
    const trainer = await Trainer.create(regression, { crew })
    await trainer.build(numbers)
    expect(await trainer.confusion(numbers)).toBeUndefined()
    const several = await Trainer.create(
      { ...base, loss: 'binaryCrossentropy', model: { layers: [{ type: 'dense', units: 2 }] } },
      { crew },
    )
    const answers = { rows: 2, features: 1, targets: 2, x: Float32Array.of(1, 2), y: Float32Array.of(0, 1, 1, 1) }
    await several.build(answers)
    expect(await several.confusion(answers)).toBeUndefined()
  })
})

describe('predict', () => {
  it('gives probabilities that sum to 1 for classes', async () => {
    const trainer = await create({ epochs: 1 })
    await trainer.fit(data)
    const p = await trainer.predict(data.x)
    expect(p).toHaveLength(450)
    for (let r = 0; r < 150; r++) {
      const row = p.subarray(3 * r, 3 * r + 3)
      expect(row.every((value) => value >= 0 && value <= 1)).toBe(true)
      expect(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-6)
    }
  })

  it('gives a probability per output for binary targets', async () => {
    const y = data.y.map((label) => (label === 0 ? 1 : 0))
    const config: Config = { ...base, loss: 'binaryCrossentropy', model: { layers: [{ type: 'dense', units: 1 }] } }
    const trainer = await Trainer.create(config, { crew })
    const { history } = await trainer.fit({ ...data, y })
    const p = await trainer.predict(data.x)
    expect(p.every((value) => value > 0 && value < 1)).toBe(true)
    const right = p.filter((value, i) => value > 0.5 === y[i]! > 0.5).length
    expect((await trainer.evaluate({ ...data, y })).acc).toBe(right / 150)
    expect(history.acc).toHaveLength(4)
  })

  it('gives the outputs as they are for numbers', async () => {
    const trainer = await Trainer.create({ ...regression, epochs: 1 }, { crew })
    await trainer.fit(numbers)
    const weights = trainer.getWeights()
    const [kernel, bias] = [weights['dense_1/kernel']!, weights['dense_1/bias']!]
    const outputs = await trainer.predict(numbers.x)
    outputs.forEach((output, r) => {
      const expected = kernel.reduce((sum, w, c) => sum + w * numbers.x[4 * r + c]!, bias[0]!)
      expect(output).toBeCloseTo(expected, 4)
    })
  })

  it('gives a row alone the same bits as in a batch, nested or flat', async () => {
    const trainer = await create()
    await trainer.fit(data)
    const all = await trainer.predict(data.x)
    for (const row of [0, 1, 77, 149]) {
      const x = data.x.subarray(6 * row, 6 * row + 6)
      const expected = all.slice(3 * row, 3 * row + 3)
      expect(await trainer.predict(x)).toEqual(expected)
      expect(await trainer.predict([[...x]])).toEqual(expected)
    }
  })

  it('refuses rows of another width and a model that is not there', async () => {
    const trainer = await create()
    await expect(trainer.predict([[1, 2]])).rejects.toThrow('Expected a trained or loaded model to predict with')
    await trainer.build(data)
    await expect(trainer.predict([[1, 2]])).rejects.toThrow('shape [rows, 6]')
    await expect(trainer.predict(Float32Array.of(1, 2))).rejects.toThrow('rows of 6 numbers')
  })
})

describe('save and load', () => {
  it('gives the same weights, predictions and further training', async () => {
    const path = join(directory, 'model.brig')
    const trainer = await create()
    await trainer.fit(data)
    await trainer.save(path)
    const loaded = await Trainer.load(path, {}, { crew })
    expect(loaded.resumable).toBe(false)
    expect(loaded.config).toEqual(trainer.config)
    expect(loaded.weightsHash()).toBe(trainer.weightsHash())
    expect(await loaded.predict(validation.x)).toEqual(await trainer.predict(validation.x))
    await trainer.fit(data)
    await loaded.fit(data)
    expect(loaded.weightsHash()).toBe(trainer.weightsHash())
  })

  it.each([
    ['sgd', 'adam'],
    ['adam', 'sgd'],
    ['adam', 'adagrad'],
    ['rmsprop', 'adamw'],
  ] as const)('goes on from %s with %s, whose state begins anew', async (before, after) => {
    const path = join(directory, `${before}-${after}.brig`)
    const trainer = await create({ optimizer: before, epochs: 1 })
    await trainer.fit(data)
    await trainer.save(path)
    const loaded = await Trainer.load(path, { optimizer: after }, { crew })
    const fresh = await create({ optimizer: after, epochs: 1 })
    await fresh.build(data)
    fresh.setWeights(trainer.getWeights())
    await loaded.fit(data)
    await fresh.fit(data)
    expect(loaded.weightsHash()).toBe(fresh.weightsHash())
  })

  it('replaces weights by name, all or none', async () => {
    const trainer = await create()
    await trainer.build(data)
    const before = trainer.weightsHash()
    const good = new Float32Array(3).fill(1)
    expect(() => trainer.setWeights({ 'dense_2/bias': good, 'dense_9/bias': good })).toThrow('dense_9/bias')
    expect(() => trainer.setWeights({ 'dense_2/bias': good, 'dense_1/bias': good })).toThrow('Expected 16 values')
    expect(trainer.weightsHash()).toBe(before)
    trainer.setWeights({ 'dense_2/bias': good })
    expect(trainer.getWeights()['dense_2/bias']).toEqual(good)
    expect(trainer.weightsHash()).not.toBe(before)
  })
})

describe('weights of rows', () => {
  const batch: Partial<Config> = { batchSize: 'full', shuffle: false, epochs: 3 }

  it('of 1 change no bit', async () => {
    expect(await hashAfter({ ...data, sampleWeight: new Float32Array(150).fill(1) })).toBe(await hashAfter(data))
  })

  it('of 0 at the end of a batch leave the bits of the batch without those rows', async () => {
    // Batches of 40 and lanes of 32 rows: rows 32..39 of each are nothing but a lane of zeros, which adds exactly 0.
    const rows = range(120).filter((row) => row % 40 < 32)
    const sampleWeight = Float32Array.from(range(120), (row) => (row % 40 < 32 ? 1 : 0))
    const whole = pick(data, range(120))
    const [withZeros, without] = [
      await create({ batchSize: 40, shuffle: false, epochs: 3 }),
      await create({ batchSize: 32, shuffle: false, epochs: 3 }),
    ]
    await withZeros.fit({ ...whole, sampleWeight })
    await without.fit(pick(data, rows))
    expect(withZeros.weightsHash()).toBe(without.weightsHash())
  })

  it('of 2 count a row twice', async () => {
    const sampleWeight = Float32Array.from(range(150), (row) => (row % 3 === 0 ? 2 : 1))
    const twice = range(150).flatMap((row) => (row % 3 === 0 ? [row, row] : [row]))
    const [weighted, repeated] = [await create(batch), await create(batch)]
    const a = await weighted.fit({ ...data, sampleWeight })
    const b = await repeated.fit(pick(data, twice))
    a.steps.loss.forEach((loss, i) => expect(loss).toBeCloseTo(b.steps.loss[i]!, 5))
    a.steps.gradNorm.forEach((norm, i) => expect(norm).toBeCloseTo(b.steps.gradNorm[i]!, 4))
    expect(a.steps.loss[0]).not.toBeCloseTo((await (await create(batch)).fit(data)).steps.loss[0]!, 4)
  })

  it('by class are the weights of its rows, bit for bit', async () => {
    const sampleWeight = data.y.map((label) => (label === 1 ? 0.25 : label === 2 ? 3 : 1))
    const byClass = await hashAfter(data, { classWeight: { 1: 0.25, 2: 3 } })
    expect(byClass).toBe(await hashAfter({ ...data, sampleWeight }))
    expect(byClass).not.toBe(await hashAfter(data))
  })
})

describe('callbacks', () => {
  it('are called in order, with epoch, batch and values', async () => {
    const calls: string[] = []
    const trainer = await create({ epochs: 2, batchSize: 64 })
    const history = await trainer.fit(data, {
      validationData: validation,
      callbacks: {
        onTrainBegin: (logs) => void calls.push(`train ${Object.keys(logs).length}`),
        onEpochBegin: (epoch) => void calls.push(`epoch ${epoch}`),
        onBatchEnd: async (batch, logs) => {
          await Promise.resolve()
          calls.push(`batch ${batch} of ${logs.size} in ${logs.epoch}`)
        },
        onEpochEnd: (epoch, logs) => void calls.push(`end ${epoch} ${Object.keys(logs).join()}`),
        onTrainEnd: (logs) => void calls.push(`done ${logs.val_loss}`),
      },
    })
    // 150 rows in batches of 64: 64, 64 and 22.
    const epoch = (e: number) => [
      `epoch ${e}`,
      `batch 0 of 64 in ${e}`,
      `batch 1 of 64 in ${e}`,
      `batch 2 of 22 in ${e}`,
      `end ${e} loss,acc,val_loss,val_acc`,
    ]
    expect(calls).toEqual(['train 0', ...epoch(0), ...epoch(1), `done ${last(history.history.val_loss)}`])
  })

  it('change no bit', async () => {
    const trainer = await create()
    await trainer.fit(data, { callbacks: [{ onBatchEnd() {} }, { onEpochEnd: async () => Promise.resolve() }] })
    expect(trainer.weightsHash()).toBe(await hashAfter(data))
  })

  it.each(['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const)(
    'end the fit with their own error when %s throws, and the trainer can be used again',
    async (name) => {
      const trainer = await create({ batchSize: 4 })
      const mine = new Error('mine')
      const callbacks = { [name]: () => Promise.reject(mine) }
      await expect(trainer.fit(data, { callbacks })).rejects.toBe(mine)
      expect((await trainer.fit(data)).stopped).toBe('completed')
    },
  )

  it.each([1, 30, 111])(
    'may throw at step %i while workers run: the steps before are kept, and a further fit has the bits of an undisturbed one',
    async (at) => {
      const config = { batchSize: 4, epochs: 8 }
      const undisturbed = await create(config)
      const whole = await undisturbed.fit(data)
      for (let round = 0; round < 5; round++) {
        const trainer = await create(config)
        let calls = 0
        const callbacks = {
          onBatchEnd() {
            if (++calls === at) throw new Error('mine')
          },
          // The run waits for it: it cannot be over before it is told of.
          onEpochEnd() {},
        }
        await expect(trainer.fit(data, { callbacks })).rejects.toThrow('mine')
        const kept = trainer.history!
        expect(calls).toBe(at)
        expect([kept.stopped, trainer.resumable]).toEqual(['failed', true])
        expect(kept.steps.length).toBeGreaterThanOrEqual(at)
        expect(kept.steps.loss).toEqual(whole.steps.loss.subarray(0, kept.steps.length))
        const rest = await trainer.fit(data)
        expect(rest.steps.loss).toEqual(whole.steps.loss.subarray(kept.steps.length))
        expect(rest.history).toEqual(whole.history)
        expect(trainer.weightsHash()).toBe(undisturbed.weightsHash())
      }
    },
  )

  it('end the fit at the epoch whose end they fail at, with its checkpoint, and its error first', async () => {
    const folder = join(directory, 'failing')
    const trainer = await create()
    const mine = new Error('mine')
    const onEpochEnd = (epoch: number) => {
      if (epoch === 1) throw mine
    }
    await expect(trainer.fit(data, { callbacks: { onEpochEnd }, checkpoint: { directory: folder } })).rejects.toBe(mine)
    expect(trainer.history!.epoch).toEqual([0, 1])
    const other = await Trainer.load(join(folder, 'last.ckpt'), {}, { crew })
    expect(other.weightsHash()).toBe(trainer.weightsHash())
    expect((await other.fit(data)).epoch).toEqual([0, 1, 2, 3])
    expect(other.weightsHash()).toBe(await hashAfter(data))
  })

  it('are not hidden by a checkpoint that cannot be written after them: that is attached', async () => {
    const folder = join(directory, 'taken')
    const trainer = await create()
    const mine = new Error('mine')
    const onEpochEnd = async () => {
      await rm(folder, { recursive: true })
      await writeFile(folder, '')
      throw mine
    }
    await expect(trainer.fit(data, { callbacks: { onEpochEnd }, checkpoint: { directory: folder } })).rejects.toBe(mine)
    const { suppressed } = mine as { suppressed?: Error[] }
    expect(suppressed?.map(({ message }) => message)).toEqual([
      expect.stringMatching(/last\.ckpt: could not be written/),
    ])
    expect(trainer.resumable).toBe(true)
  })

  it.each(['throws', 'rejects'])('of progress that %s ends the fit likewise', async (how) => {
    const trainer = await create({ epochs: 1e6 })
    const mine = new Error('mine')
    const onProgress = () => {
      if (how === 'throws') throw mine
      return Promise.reject(mine)
    }
    await expect(trainer.fit(data, { onProgress })).rejects.toBe(mine)
    expect([trainer.history!.stopped, trainer.resumable]).toEqual(['failed', true])
  })

  it.each(['onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const)(
    'that never come back hold the fit no longer than `stallSeconds` after an abort: %s is named',
    async (name) => {
      const trainer = await create({ recovery: { stallSeconds: 0.3 } })
      const controller = new AbortController()
      const hang = () => {
        setImmediate(() => controller.abort())
        return new Promise<void>(() => {})
      }
      const fit = trainer.fit(data, { callbacks: { [name]: hang }, signal: controller.signal })
      await expect(fit).rejects.toThrow(
        new RegExp(`the callback \`${name}\` to come back, .* still open 0\\.3 s after the fit was aborted`),
      )
      expect(trainer.history!.stopped).toBe('failed')
      expect(trainer.history!.steps.length).toBeGreaterThan(0)
      const rest = await trainer.fit(data)
      expect(rest.stopped).toBe('completed')
    },
  )

  it('that never come back hold the fit no longer after `close` either', async () => {
    const trainer = await Trainer.create({ ...base, workers: 1, recovery: { stallSeconds: 0.3 } })
    const onBatchEnd = () => {
      setImmediate(() => void trainer.close())
      return new Promise<void>(() => {})
    }
    await expect(trainer.fit(data, { callbacks: { onBatchEnd } })).rejects.toThrow(
      /`onBatchEnd` to come back, .* still open 0\.3 s after the trainer was closed/,
    )
  })

  it('end the fit after exactly the epoch at whose end stopTraining is set', async () => {
    const trainer = await create({ epochs: 10 })
    const onEpochEnd = (epoch: number) => void (trainer.stopTraining = epoch === 2)
    const { epoch, steps, stopped } = await trainer.fit(data, { callbacks: { onEpochEnd } })
    expect([epoch, steps.length, stopped]).toEqual([[0, 1, 2], 15, 'stopTraining'])
    await trainer.fit(data)
    expect(trainer.weightsHash()).toBe(await hashAfter(data, { epochs: 10 }))
  })
})

describe('AbortSignal', () => {
  it.each([1, 9, 33])(
    'ends the fit soon after step %i; a further fit reaches the bits of an undisturbed run',
    async (at) => {
      const config: Partial<Config> = { epochs: 1000, batchSize: 8, earlyStopping: { patience: 2000, monitor: 'loss' } }
      const trainer = await create(config)
      const controller = new AbortController()
      let calls = 0
      const onBatchEnd = () => {
        if (++calls === at) controller.abort()
      }
      const { stopped, steps } = await trainer.fit(data, { callbacks: { onBatchEnd }, signal: controller.signal })
      expect(stopped).toBe('aborted')
      expect(steps.length).toBeGreaterThanOrEqual(at)
      expect(steps.length).toBeLessThan(1000 * 19)
      expect(trainer.resumable).toBe(true)
      const rest = await trainer.fit(data)
      expect(rest.stopped).toBe('completed')
      expect(rest.epoch).toEqual(range(1000))
      expect(rest.steps.length).toBe(1000 * 19 - steps.length)
      expect(trainer.weightsHash()).toBe(await hashAfter(data, config))
    },
  )

  it.each([1, 2])(
    'rests while it is paused, its threads asleep, and goes on with the same bits: %i workers',
    async (workers) => {
      const config: Config = { ...base, batchSize: 4, epochs: 12, health: { mode: 'off' } }
      const through = await create(config)
      const whole = await through.fit(data)
      await using crew = new ObservedCrew(workers)
      const trainer = await Trainer.create(config, { crew })
      let told = 0
      const rest = async () => {
        trainer.pause()
        await crew.left()
        for (let seen = -1; seen !== told; await turns(50)) seen = told
        const before = [told, crew.runs]
        // A thread that worked, or looked for work, would have as much of the processor as the one that looks on.
        expect(shareOfOthers()).toBeLessThan(0.3)
        await turns(200)
        expect([told, crew.runs]).toEqual(before)
        expect(trainer.paused).toBe(true)
        trainer.resume()
      }
      const rests: Promise<void>[] = []
      const onBatchEnd = () => {
        told++
        if (told === 3 || told === 200) rests.push(rest())
      }
      // At the end of each epoch the run waits: it cannot be over before it is told of.
      const history = await trainer.fit(data, { callbacks: { onBatchEnd, onEpochEnd() {} } })
      await Promise.all(rests)
      expect(crew.runs).toBe(3)
      expect(history.stopped).toBe('completed')
      expect(history.history).toEqual(whole.history)
      expect(history.steps.loss).toEqual(whole.steps.loss)
      expect(trainer.weightsHash()).toBe(through.weightsHash())
    },
  )

  it('goes on when it is resumed before it has come to rest', async () => {
    const config: Config = { ...base, batchSize: 4, epochs: 40, health: { mode: 'off' } }
    const through = await create(config)
    const whole = await through.fit(data)
    const trainer = await create(config)
    let told = 0
    const onBatchEnd = () => {
      if (++told % 50 > 0) return
      trainer.pause()
      setImmediate(() => trainer.resume())
    }
    const history = await trainer.fit(data, { callbacks: { onBatchEnd, onEpochEnd() {} } })
    expect(told).toBe(40 * 38)
    expect(history.stopped).toBe('completed')
    expect(history.steps.loss).toEqual(whole.steps.loss)
    expect(trainer.weightsHash()).toBe(through.weightsHash())
  })

  it('ends while it is paused when it is aborted, and fails when it is closed', async () => {
    const paused = async () => {
      const crew = new ObservedCrew(1)
      const trainer = await Trainer.create(base, { crew })
      const controller = new AbortController()
      trainer.pause()
      const fit = trainer.fit(data, { signal: controller.signal })
      await crew.left()
      await turns(50)
      return { trainer, controller, fit, crew }
    }
    const first = await paused()
    first.controller.abort()
    expect((await first.fit).stopped).toBe('aborted')
    await first.crew.close()
    const second = await paused()
    const failed = expect(second.fit).rejects.toThrow('closed')
    await second.trainer.close()
    await failed
    await second.crew.close()
  })

  it('stops the step that is open, although a callback is still at the one that it aborted for', async () => {
    const controller = new AbortController()
    let stepsAfter = 0
    const crew = new InlineCrew({
      after: (phase) => void (phase === Phase.update && controller.signal.aborted && stepsAfter++),
    })
    await using trainer = await Trainer.create({ ...base, epochs: 1e6 }, { crew })
    const onBatchEnd = async () => {
      controller.abort()
      await setTimeout(50)
      throw new Error('enough')
    }
    await expect(trainer.fit(data, { callbacks: { onBatchEnd }, signal: controller.signal })).rejects.toThrow('enough')
    expect(stepsAfter).toBeLessThanOrEqual(1)
  })

  it('refuses to begin when it was aborted before', async () => {
    const trainer = await create()
    await expect(trainer.fit(data, { signal: AbortSignal.abort() })).rejects.toThrow('abort')
  })

  it('refuses to go on with other data', async () => {
    const trainer = await create({ maxSteps: 2 })
    await trainer.fit(data)
    await expect(trainer.fit(pick(data, range(50)))).rejects.toThrow("interrupted run's 150 training rows")
  })
})

describe('a trainer', () => {
  it('works beside another one in the same process, with the same bits as alone', async () => {
    const config = { ...base, epochs: 10, workers: 2 }
    await using one = await Trainer.create(config)
    await using two = await Trainer.create({ ...config, seed: 6 })
    await Promise.all([one.fit(data), two.fit(data)])
    expect(one.weightsHash()).toBe(await hashAfter(data, { epochs: 10 }))
    expect(two.weightsHash()).toBe(await hashAfter(data, { epochs: 10, seed: 6 }))
  })

  it('shares a crew with others that run at the same time', async () => {
    const trainers = await Promise.all([1, 2, 3].map((seed) => create({ seed })))
    await Promise.all(trainers.map((trainer) => trainer.fit(data)))
    for (const [i, trainer] of trainers.entries()) {
      expect(trainer.weightsHash()).toBe(await hashAfter(data, { seed: i + 1 }))
    }
  })

  it('refuses a second call while it is busy, and goes on undisturbed', async () => {
    const trainer = await create()
    const running = trainer.fit(data)
    await expect(trainer.fit(data)).rejects.toThrow('busy')
    await expect(trainer.evaluate(data)).rejects.toThrow('busy')
    // The weights of before would be no answer, and those that are given would be lost.
    await expect(trainer.save(join(directory, 'busy.brig'))).rejects.toThrow('Expected no call at work')
    await expect(trainer.loadWeights('none.safetensors')).rejects.toThrow('Expected no call at work')
    for (const call of [() => trainer.getWeights(), () => trainer.weightsHash(), () => trainer.setWeights({})])
      expect(call).toThrow('Expected no call at work')
    await running
    expect(trainer.weightsHash()).toBe(await hashAfter(data))
  })

  it('writes the weights it had when it was asked to, although a fit is done before the file', async () => {
    const layers = [1024, 1024, 3].map((units) => ({ type: 'dense', units }) as const)
    const trainer = await create({ model: { layers }, batchSize: 'full', epochs: 1 })
    await trainer.fit(data)
    const hash = trainer.weightsHash()
    const path = join(directory, 'before.brig')
    const saving = trainer.save(path)
    await trainer.fit(data)
    expect(trainer.weightsHash()).not.toBe(hash)
    await saving
    expect((await Trainer.load(path, {}, { crew })).weightsHash()).toBe(hash)
  })

  it('refuses everything once it is closed, by hand or by `await using`', async () => {
    const trainer = await create()
    await trainer.close()
    await expect(trainer.fit(data)).rejects.toThrow('closed')
    let escaped: Trainer
    {
      await using inner = await create()
      await inner.fit(data)
      escaped = inner
    }
    await expect(escaped.predict(data.x)).rejects.toThrow('closed')
    await escaped.close()
  })

  it('ends a running fit with an error when it is closed', async () => {
    const trainer = await Trainer.create({ ...base, epochs: 100_000, workers: 2 })
    const running = trainer.fit(data, {
      callbacks: { onEpochEnd: (epoch) => (epoch === 1 ? trainer.close() : undefined) },
    })
    await expect(running).rejects.toThrow('The trainer was closed while it was at work.')
  })
})

describe('early stopping', () => {
  it('ends with the weights of the best epoch where it is to restore them', async () => {
    // So large a rate makes the loss jump about: the last epoch is not the best.
    const config: Partial<Config> = {
      epochs: 40,
      optimizer: { type: 'sgd', learningRate: 3, momentum: 0.9 },
      clip: 'off',
      health: { spikeSkip: false },
      earlyStopping: { patience: 2, restoreBestWeights: true },
    }
    const trainer = await create(config)
    const { stopped, history, epoch } = await trainer.fit(data, { validationData: validation })
    expect(stopped).toBe('earlyStopping')
    const best = history.val_loss!.indexOf(Math.min(...history.val_loss!))
    // Patience 2 lets two epochs without gain pass and ends at the third.
    expect(epoch.length).toBe(best + 1 + 2)
    expect((await trainer.evaluate(validation)).loss).toBeCloseTo(history.val_loss![best]!, 10)
    const short = await create({ ...config, earlyStopping: undefined, epochs: best + 1 })
    await short.fit(data, { validationData: validation })
    expect(trainer.weightsHash()).toBe(short.weightsHash())
  })

  it('goes on after maxSteps from the last weights, not from the best ones', async () => {
    const config: Partial<Config> = {
      epochs: 6,
      optimizer: { type: 'sgd', learningRate: 3, momentum: 0.9 },
      clip: 'off',
      health: { spikeSkip: false },
      earlyStopping: { patience: 100, restoreBestWeights: true },
    }
    const fit = async (trainer: Trainer) => trainer.fit(data, { validationData: validation })
    const whole = await create(config)
    const { history } = await fit(whole)
    expect(history.val_loss!.slice(0, 5).every((loss, i, all) => i === 0 || loss < all[i - 1]!)).toBe(false)
    for (const maxSteps of [10, 15, 18, 24]) {
      const first = await create({ ...config, maxSteps })
      expect((await fit(first)).stopped).toBe('maxSteps')
      const path = join(directory, `best-${maxSteps}.brig`)
      await first.save(path)
      const second = await Trainer.load(path, { maxSteps: undefined }, { crew })
      await fit(second)
      expect(second.weightsHash()).toBe(whole.weightsHash())
    }
  })
})

describe('reduce on plateau', () => {
  it('lowers the rate after epochs without gain', async () => {
    const trainer = await create({
      epochs: 6,
      optimizer: { type: 'sgd', learningRate: 1e-3 },
      reduceOnPlateau: { monitor: 'loss', patience: 1, factor: 0.5 },
      clip: { mode: 'value', value: 1e-30 },
    })
    const { steps, history } = await trainer.fit(data)
    // Clipped to nothing, the weights stay: epoch 0 sets the best, 1 is let pass, 2 lowers the rate, 4 again.
    for (const loss of history.loss!) expect(loss).toBeCloseTo(history.loss![0]!, 6)
    const rates = range(6).map((epoch) => steps.learningRate[5 * epoch + 4])
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25].map((factor) => Math.fround(1e-3 * factor)))
  })
})
