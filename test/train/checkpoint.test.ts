import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { TrainingError, UserError } from '../../src/errors.ts'
import { FORMAT_VERSION, readCheckpoint, writeAtomically, writeCheckpoint } from '../../src/train/checkpoint.ts'
import type { Checkpoint } from '../../src/train/checkpoint.ts'
import { newHistory } from '../../src/train/history.ts'
import type { History } from '../../src/train/history.ts'
import { BEST, Keeper } from '../../src/train/keeper.ts'
import { GOOD, LAST, older, readNewest } from '../../src/train/rotation.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const crew = new Crew(1)
const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
afterAll(async () => {
  await crew.close()
  await rm(directory, { recursive: true })
})

const config: Config = {
  epochs: 3,
  batchSize: 16,
  model: {
    layers: [
      { type: 'dense', units: 4, activation: 'relu' },
      { type: 'dense', units: 3 },
    ],
  },
}
const data = blobs(60, 5, 3)
const create = (overrides: Partial<Config> = {}) => Trainer.create({ ...config, ...overrides }, { crew })

const checkpoint: Checkpoint = {
  config: { seed: 1, nested: { list: [1, 'two', null, true] } },
  inputs: 2,
  targets: 1,
  trainRows: 7,
  transform: { kind: 'any', text: 'Grüße, 世界' },
  names: ['dense_1/kernel', 'dense_1/bias'],
  weights: {
    parameters: [Float32Array.of(1, -0, -3.4e38, 3.4e38), Float32Array.of(1e-45)],
    slots: [
      [Float32Array.of(1, 2, 3, 4), Float32Array.of(5)],
      [Float32Array.of(6, 7, 8, 9), Float32Array.of(10)],
    ],
  },
  updates: 2 ** 40 + 1,
  kernels: 'wasm',
  state: Float64Array.of(Math.PI, -Infinity, NaN, 5e-324),
  best: [Float32Array.of(0, 0, 0, 1), Float32Array.of(2)],
  history: { epoch: [0, 1], history: { loss: [0.5, NaN], acc: [1, 0] } },
}

const path = join(directory, 'one.ckpt')
let bytes: Buffer
beforeAll(async () => {
  await writeCheckpoint(path, checkpoint)
  bytes = await readFile(path)
})

/** What reading these bytes says. */
async function complaint(content: Uint8Array): Promise<unknown> {
  const damaged = join(directory, 'damaged.ckpt')
  await writeFile(damaged, content)
  return readCheckpoint(damaged).then(
    () => 'nothing',
    (error: unknown) => error,
  )
}

describe('a checkpoint file', () => {
  it('gives back what was written, bit for bit', async () => {
    const read = await readCheckpoint(path)
    expect(read).toEqual(checkpoint)
    expect(Object.is(read.weights.parameters[0]![1], -0)).toBe(true)
  })

  it('gives back a model without a run', async () => {
    const model = { ...checkpoint, state: null, best: null }
    await writeCheckpoint(join(directory, 'model.brig'), model)
    expect(await readCheckpoint(join(directory, 'model.brig'))).toEqual(model)
  })

  it('is the same bytes for the same content', async () => {
    await writeCheckpoint(join(directory, 'again.ckpt'), checkpoint)
    expect(await readFile(join(directory, 'again.ckpt'))).toEqual(bytes)
  })

  it('gives back any tensors', async () => {
    const floats = fc.float32Array({ maxLength: 30, noNaN: true, noDefaultInfinity: true })
    await fc.assert(
      fc.asyncProperty(
        fc.array(floats, { maxLength: 4 }),
        fc.float64Array({ maxLength: 10 }),
        async (tensors, state) => {
          const names = tensors.map((_, i) => `tensor_${i}`)
          const weights = { parameters: tensors, slots: [tensors] }
          const some = { ...checkpoint, names, weights, state, best: tensors }
          await writeCheckpoint(join(directory, 'any.ckpt'), some)
          const read = await readCheckpoint(join(directory, 'any.ckpt'))
          expect(read.weights).toEqual(some.weights)
          expect(read.state).toEqual(state)
          expect(read.best).toEqual(tensors)
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('a damaged file', () => {
  it('is refused wherever it was cut off', async () => {
    const lengths = new Set([...Array.from({ length: 60 }, (_, i) => i), bytes.length - 1])
    for (let i = 0; i < 40; i++) lengths.add(Math.floor((i / 40) * bytes.length))
    for (const length of lengths) {
      const error = await complaint(bytes.subarray(0, length))
      expect(error).toBeInstanceOf(UserError)
      expect((error as Error).message).toMatch(length === 0 ? /got an empty file/ : /The file is truncated/)
      expect((error as Error).message).toContain('damaged.ckpt')
    }
  })

  it('is refused whichever byte was altered, and however', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Buffer.from(bytes)
        altered[at]! ^= change
        expect(await complaint(altered)).toBeInstanceOf(UserError)
      }),
      { numRuns: 300 },
    )
    for (let at = 0; at < 60; at++) {
      const altered = Buffer.from(bytes)
      altered[at]! ^= 1
      expect(await complaint(altered)).toBeInstanceOf(UserError)
    }
  })

  it('says that the checksum does not match when the content was altered', async () => {
    const altered = Buffer.from(bytes)
    altered[bytes.length - 3]! ^= 16
    expect(await complaint(altered)).toMatchObject({ message: expect.stringContaining('checksum') as string })
  })

  it('is refused with bytes behind its end', async () => {
    expect(await complaint(Buffer.concat([bytes, Buffer.of(0)]))).toBeInstanceOf(UserError)
  })

  it('of a newer version asks for an upgrade', async () => {
    const newer = Buffer.from(bytes)
    newer.writeUInt16LE(FORMAT_VERSION + 1, 10)
    const error = await complaint(newer)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({ message: expect.stringMatching(/version 1 or older, got 2.*upgrade/) as string })
  })

  it('of another kind is called so', async () => {
    for (const text of ['BRIGANT!', '{"layers": []}'.repeat(10), 'PK\x03\x04'.repeat(30)]) {
      expect(await complaint(Buffer.from(text))).toMatchObject({
        message: expect.stringContaining('got another kind of file') as string,
      })
    }
  })

  it('that is not there, or is a folder, is named', async () => {
    await expect(readCheckpoint(join(directory, 'none.ckpt'))).rejects.toThrow(/none\.ckpt: .*there is no such file/)
    await expect(readCheckpoint(directory)).rejects.toThrow(UserError)
  })
})

describe('a file of another model', () => {
  it('is refused, naming what differs', async () => {
    const trainer = await create()
    await trainer.build(data)
    const file = join(directory, 'other.brig')
    await trainer.save(file)
    const layers = (units: number) => ({
      layers: [{ type: 'dense', units } as const, { type: 'dense', units: 3 } as const],
    })
    const load = (model: Config['model']) => Trainer.load(file, { model }, { crew })
    await expect(load(layers(6))).rejects.toThrow(/`dense_1\/kernel` of shape \[5, 6\], got 20 values.*another model/)
    await expect(load({ layers: [{ type: 'dense', units: 3 }] })).rejects.toThrow('another model')
    await expect(load({ layers: [...layers(4).layers, { type: 'prelu' }] })).rejects.toThrow('prelu_1')
    await expect(Trainer.load(file, { batchSize: 0 }, { crew })).rejects.toThrow('batchSize')
  })
})

describe('writing', () => {
  const old = Buffer.from('the old file')
  const leftovers = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith('.tmp'))

  it('makes the folders on the way', async () => {
    const deep = join(directory, 'a', 'b', 'c.ckpt')
    await writeAtomically(deep, [old, old])
    expect(await readFile(deep)).toEqual(Buffer.concat([old, old]))
    expect(await leftovers(join(directory, 'a', 'b'))).toEqual([])
  })

  it('begins with the removal of what a process that was killed left half written, and of nothing else', async () => {
    const folder = join(directory, 'killed')
    await mkdir(folder)
    for (const name of ['last.ckpt.0a1b2c3d.tmp', 'best.ckpt.00000000.tmp', 'my.tmp', 'last.ckpt.old.tmp'])
      await writeFile(join(folder, name), 'half')
    const trainer = await Trainer.create({ ...config, epochs: 1 }, { crew })
    await trainer.fit(data, { checkpoint: { directory: folder } })
    expect((await leftovers(folder)).toSorted()).toEqual(['last.ckpt.old.tmp', 'my.tmp'])
  })

  it('that fails half-way keeps the old file and leaves nothing behind', async () => {
    const folder = join(directory, 'half')
    const file = join(folder, 'm.ckpt')
    await writeAtomically(file, [old])
    const broken = { length: 3 } as unknown as Uint8Array
    await expect(writeAtomically(file, [new Uint8Array(1000), broken])).rejects.toThrow(UserError)
    expect(await readFile(file)).toEqual(old)
    expect(await readdir(folder)).toEqual(['m.ckpt'])
  })

  it('that cannot be renamed into place leaves nothing behind', async () => {
    const folder = join(directory, 'occupied')
    await mkdir(join(folder, 'm.ckpt', 'full'), { recursive: true })
    await expect(writeAtomically(join(folder, 'm.ckpt'), [old])).rejects.toThrow(/m\.ckpt: could not be written \(E/)
    expect(await readdir(folder)).toEqual(['m.ckpt'])
  })

  it('below a file is a UserError with advice, and the file stays', async () => {
    const file = join(directory, 'file')
    await writeFile(file, old)
    for (const target of [join(file, 'm.ckpt'), join(file, 'deeper', 'm.ckpt')]) {
      const error: unknown = await writeAtomically(target, [old]).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(UserError)
      expect((error as Error).message).toMatch(/m\.ckpt: could not be written .*Choose another folder/)
    }
    expect(await readFile(file)).toEqual(old)
  })

  it('of weights that are not finite is refused, and the old file stays', async () => {
    const file = join(directory, 'finite.ckpt')
    await writeCheckpoint(file, checkpoint)
    const before = await readFile(file)
    const [kernel, bias] = checkpoint.weights.parameters
    for (const bad of [NaN, Infinity, -Infinity]) {
      const inWeights = { parameters: [kernel!, Float32Array.of(bad)], slots: [] }
      const inState = { parameters: [kernel!, bias!], slots: [[Float32Array.of(0, bad), bias!]] }
      for (const [weights, what] of [
        [inWeights, 'the parameter `dense_1/bias`'],
        [inState, "the optimizer's state of `dense_1/kernel`"],
      ] as const) {
        const error: unknown = await writeCheckpoint(file, { ...checkpoint, weights }).catch((e: unknown) => e)
        expect(error).toBeInstanceOf(TrainingError)
        expect((error as Error).message).toContain(what)
      }
    }
    expect(await readFile(file)).toEqual(before)
  })

  it('by many at once leaves the whole file of one of them', async () => {
    const file = join(directory, 'contended.ckpt')
    const contents = Array.from({ length: 8 }, (_, i) => Buffer.alloc(50_000, i))
    await Promise.all(contents.map((content) => writeAtomically(file, [content])))
    const left = await readFile(file)
    expect(contents.some((content) => content.equals(left))).toBe(true)
  })
})

describe('fit with checkpoints', () => {
  it('keeps the last and the best', async () => {
    const folder = join(directory, 'kept')
    // So large a rate makes the loss jump: the last epoch is not the best.
    const trainer = await create({
      epochs: 8,
      optimizer: { type: 'sgd', learningRate: 5, momentum: 0.9 },
      clip: 'off',
      health: { spikeSkip: false },
    })
    const validation = blobs(40, 5, 3, 2)
    const { history } = await trainer.fit(data, { validationData: validation, checkpoint: { directory: folder } })
    expect((await readdir(folder)).sort()).toEqual([BEST, GOOD, 'last.1.ckpt', 'last.2.ckpt', LAST])
    const least = Math.min(...history.val_loss!)
    expect(history.val_loss!.at(-1)).toBeGreaterThan(least)
    const [best, last] = await Promise.all([BEST, LAST].map((name) => Trainer.load(join(folder, name), {}, { crew })))
    expect((await best!.evaluate(validation)).loss).toBeCloseTo(least, 10)
    expect(last!.weightsHash()).toBe(trainer.weightsHash())
    expect(last!.resumable).toBe(true)
    expect(best!.resumable).toBe(true)
  })

  it('goes on from the checkpoint of any epoch to the bits of the whole run', async () => {
    const folder = join(directory, 'resume')
    const whole = await create({ epochs: 4 })
    const { history } = await whole.fit(data)
    const first = await create({ epochs: 4 })
    const copies: Buffer[] = []
    const onEpochBegin = async (epoch: number) => {
      // While epoch `epoch` runs, the file of an epoch before is there.
      if (epoch > 1) copies.push(await readFile(join(folder, LAST)))
    }
    await first.fit(data, { checkpoint: { directory: folder }, callbacks: { onEpochBegin } })
    expect(copies).toHaveLength(2)
    for (const copy of copies) {
      await writeFile(join(folder, 'copy.ckpt'), copy)
      const second = await Trainer.load(join(folder, 'copy.ckpt'), {}, { crew })
      const rest = await second.fit(data)
      expect(rest.epoch).toEqual([0, 1, 2, 3])
      expect(rest.history).toEqual(history)
      expect(second.weightsHash()).toBe(whole.weightsHash())
    }
  })

  it('ends with a UserError when the folder cannot be written, and the trainer can be used again', async () => {
    const file = join(directory, 'no-folder')
    await writeFile(file, 'x')
    const trainer = await create()
    await expect(trainer.fit(data, { checkpoint: { directory: file } })).rejects.toThrow(UserError)
    expect((await trainer.fit(data)).stopped).toBe('completed')
  })
})

describe('rotation', () => {
  const plan = async () => (await create()).plan(data)
  /** Ends `count` epochs; the number of updates tells the checkpoints apart. */
  async function run(keeper: Keeper, history: History, count: number, sickIn: readonly number[] = []) {
    for (let i = 0; i < count; i++) {
      const epoch = history.epoch.length
      if (sickIn.includes(epoch)) history.skipped++
      history.epoch.push(epoch)
      await keeper.afterEpoch({ loss: 1 }, () => ({ ...checkpoint, updates: epoch }))
    }
    await keeper.settled()
  }
  const updatesIn = async (path: string) => (await readCheckpoint(path)).updates

  it('keeps the last ones, and the newest that proved good through however many sick epochs', async () => {
    const folder = join(directory, 'rotation')
    const history = newHistory()
    const keeper = new Keeper(await plan(), { directory: folder, keep: 3, monitor: 'loss' }, history)
    // Epochs 0 to 3 are well, all later ones are not: 2 is the last that a well epoch followed.
    await run(keeper, history, 9, [4, 5, 6, 7, 8])
    const last = join(folder, LAST)
    expect(await Promise.all([last, older(last, 1), older(last, 2), join(folder, GOOD)].map(updatesIn))).toEqual([
      8, 7, 6, 2,
    ])
    expect((await readdir(folder)).sort()).toEqual([BEST, GOOD, 'last.1.ckpt', 'last.2.ckpt', LAST])
  })

  it('falls back to the newest that is whole, and says what was wrong with each', async () => {
    const folder = join(directory, 'fallback')
    const history = newHistory()
    await run(new Keeper(await plan(), { directory: folder, keep: 2 }, history), history, 5)
    const last = join(folder, LAST)
    expect((await readNewest(last)).passedOver).toEqual([])
    // Under a new name first: two names may be of one file.
    const cut = async (path: string, length: number) =>
      writeAtomically(path, [(await readFile(path)).subarray(0, length)])
    await cut(last, 60)
    expect(await readNewest(last)).toMatchObject({ path: older(last, 1), checkpoint: { updates: 3 } })
    await cut(older(last, 1), 0)
    const { path, passedOver } = await readNewest(last)
    expect(path).toBe(join(folder, GOOD))
    expect(passedOver).toHaveLength(2)
    expect(passedOver[0]).toMatch(/last\.ckpt: .*truncated/)
    await rm(path)
    await expect(readNewest(last)).rejects.toThrow(/last\.ckpt: .*truncated[^]*\nNone of these \d is whole\.$/)
  })

  it('of a new run forgets the files of the run before, once its own first one is written', async () => {
    const folder = join(directory, 'anew')
    for (const epochs of [5, 1]) {
      const history = newHistory()
      await run(new Keeper(await plan(), { directory: folder }, history), history, epochs)
    }
    expect((await readdir(folder)).sort()).toEqual([BEST, LAST])
    // One that goes on from a checkpoint keeps them.
    const history = newHistory({ epoch: [0], history: { loss: [1] } })
    await run(new Keeper(await plan(), { directory: folder }, history), history, 1)
    expect((await readdir(folder)).sort()).toEqual([BEST, 'last.1.ckpt', LAST])
  })

  it('shifts nothing when the new file cannot be written', async () => {
    const folder = join(directory, 'failing')
    const history = newHistory()
    const keeper = new Keeper(await plan(), { directory: folder }, history)
    await run(keeper, history, 3)
    const sick = { ...checkpoint, weights: { parameters: [Float32Array.of(NaN)], slots: [] } }
    await expect(keeper.atEnd(sick)).rejects.toThrow(TrainingError)
    const last = join(folder, LAST)
    expect(await Promise.all([last, older(last, 1), older(last, 2)].map(updatesIn))).toEqual([2, 1, 0])
  })

  it('lets a trainer go on from the checkpoint before a damaged one, to the bits of the whole run', async () => {
    const folder = join(directory, 'damaged')
    const whole = await create({ epochs: 4 })
    await whole.fit(data, { checkpoint: { directory: folder } })
    await writeFile(join(folder, LAST), 'torn')
    const trainer = await Trainer.load(join(folder, LAST), {}, { crew })
    expect(trainer.passedOver).toHaveLength(1)
    expect((await trainer.fit(data)).epoch).toEqual([0, 1, 2, 3])
    expect(trainer.weightsHash()).toBe(whole.weightsHash())
  })
})

describe('the keeper', () => {
  it('keeps every n-th epoch and the best ones, and nothing at a gate at which no epoch ended', async () => {
    const trainer = await create()
    const folder = join(directory, 'keeper')
    const history = newHistory()
    const keeper = new Keeper(trainer.plan(data), { directory: folder, every: 3, monitor: 'acc' }, history)
    let captures = 0
    const capture = () => (captures++, { ...checkpoint, updates: history.epoch.length })
    const accuracies = [0.5, 0.4, 0.3, 0.9, 0.1, 0.9]
    const kept: number[] = []
    for (const [epoch, acc] of accuracies.entries()) {
      history.epoch.push(epoch)
      const before = captures
      await keeper.afterEpoch({ loss: 1, acc }, capture)
      await keeper.afterEpoch({ loss: 1, acc: 1 }, capture)
      if (captures > before) kept.push(epoch)
    }
    // 0 is the best so far, 2 is due, 3 is the best, 5 is due and only as good.
    expect(kept).toEqual([0, 2, 3, 5])
    await keeper.atEnd({ ...checkpoint, updates: 99 })
    expect((await readCheckpoint(join(folder, BEST))).updates).toBe(4)
    expect((await readCheckpoint(join(folder, LAST))).updates).toBe(99)
  })

  it('never takes NaN for the best', async () => {
    const trainer = await create()
    const folder = join(directory, 'nan')
    const history = newHistory()
    const keeper = new Keeper(trainer.plan(data), { directory: folder, every: 100 }, history)
    for (const [epoch, loss] of [NaN, 2, NaN, 3].entries()) {
      history.epoch.push(epoch)
      await keeper.afterEpoch({ loss }, () => ({ ...checkpoint, updates: epoch }))
    }
    await keeper.atEnd(checkpoint)
    expect((await readCheckpoint(join(folder, BEST))).updates).toBe(1)
  })

  it('refuses to watch what is not measured, naming what is', async () => {
    const plan = (await create()).plan(data)
    const watch = (monitor: string) => new Keeper(plan, { directory, monitor }, newHistory())
    expect(() => watch('los')).toThrow('did you mean `loss`')
    expect(() => watch('val_acc')).toThrow('There is no validation data')
  })
})
