/** Layers and losses of a user's own: trained in workers, checked beside differences, refused and named where they are wrong. */
import { statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { TrainingError, UserError } from '../../src/errors.ts'
import { loadOwn } from '../../src/model/own.ts'
import { checkGradients } from '../../src/train/check-gradients.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { ownModule } from '../model/samples.ts'
import { blobs, line } from './data.ts'

const own = (name: string) => ({ type: 'custom', module: ownModule(name) }) as const
const config = (...layers: Config['model']['layers']): Config => ({
  epochs: 2,
  batchSize: 20,
  kernels: 'wasm-strict',
  health: 'off',
  optimizer: { type: 'sgd', learningRate: 0.01 },
  model: { layers },
})

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-own-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a layer', () => {
  it('learns its parameters in workers, and its model is a file like any other', async () => {
    const data = blobs(100, 6, 3)
    const given = {
      ...config({ type: 'dense', units: 8 }, own('swish'), { type: 'dense', units: 3 }),
      epochs: 20,
      workers: 2,
    }
    await using trainer = await Trainer.create(given)
    const history = await trainer.fit(data)
    expect(history.history.loss!.at(-1)).toBeLessThan(0.8 * history.history.loss![0]!)
    expect(trainer.getWeights()['custom_1/gain']).not.toEqual(new Float32Array(8).fill(1))
    const path = join(folder, 'own.brig')
    await trainer.save(path)
    const again = await Trainer.load(path, { workers: 1 })
    expect(await again.predict(data.x)).toEqual(await trainer.predict(data.x))
    await again.close()
  })

  it('is trained on through the epochs while the host is blocked, unless somebody is to be told of their ends', async () => {
    const [module, seen] = [join(folder, 'counting.mjs'), join(folder, 'seen')]
    await writeFile(
      module,
      `import { appendFileSync } from 'node:fs'
      export const shapes = (shape) => ({ output: shape })
      // A millisecond each, so that most of the run is still to come when the host hears of its first step.
      const pause = new Int32Array(new SharedArrayBuffer(4))
      export function forward({ x, y, options }) { y.set(x); appendFileSync(options.seen, '.'); Atomics.wait(pause, 0, 0, 1) }
      export function backward({ dx, dy }) { dx.set(dy) }`,
    )
    const counting = { type: 'custom', module, options: { seen } } as const
    await using trainer = await Trainer.create({
      ...config(counting, { type: 'dense', units: 3 }),
      epochs: 100,
      workers: 1,
    })
    let more = 0
    let looked = false
    const onBatchEnd = () => {
      if (looked) return
      looked = true
      const before = statSync(seen).size
      // Of 5 steps an epoch: more than any step, record or wake-up that was on its way. The limit ends a failure only.
      for (const limit = performance.now() + 20_000; more < 100 && performance.now() < limit;)
        more = statSync(seen).size - before
    }
    await trainer.fit(blobs(100, 4, 3), { callbacks: { onBatchEnd } })
    expect(more).toBeGreaterThanOrEqual(100)
  })

  it('is named where it throws', async () => {
    const trainer = await Trainer.create(config(own('throwing'), { type: 'dense', units: 3 }), {
      crew: new InlineCrew(),
    })
    const failure = await trainer.fit(blobs(40, 4, 3)).catch((error: unknown) => error)
    expect((failure as Error).message).toContain('Layer `custom_1`')
    expect((failure as Error).message).toContain('`forward` failed: no such thing as a wish')
  })

  it('is named where it throws what cannot go from thread to thread', async () => {
    const module = join(folder, 'odd.mjs')
    const text = 'export const shapes = (input) => ({ output: input })\nexport function backward() {}\n'
    await writeFile(module, `${text}export function forward() { throw { retry: () => 1 } }`)
    const layers = [
      { type: 'custom' as const, module },
      { type: 'dense' as const, units: 3 },
    ]
    await using trainer = await Trainer.create({ ...config(...layers), workers: 2 })
    await expect(trainer.fit(blobs(40, 4, 3))).rejects.toThrow(
      /`forward` failed: it threw an object with keys retry\. It failed there twice/,
    )
  })

  it('is refused when it waits for ever while it is imported', async () => {
    const module = join(folder, 'waiting.mjs')
    await writeFile(module, 'await new Promise(() => {})')
    const layers = [{ type: 'custom' as const, module }]
    await expect(loadOwn({ layers }, undefined, 0.2)).rejects.toThrow(
      /waiting\.mjs: the module could not be loaded: expected it to be imported within 0\.2 s/,
    )
  })

  it('is named where it throws in a worker, which ends the fit', async () => {
    await using trainer = await Trainer.create({ ...config(own('throwing'), { type: 'dense', units: 3 }), workers: 2 })
    const failure = await trainer.fit(blobs(40, 4, 3)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TrainingError)
    const { message, cause, ...place } = failure as TrainingError
    expect(message).toContain('Layer `custom_1`')
    expect(place).toMatchObject({ step: 0, phase: 'rows', piece: 0, layer: 'custom_1' })
    expect(place.worker).toBeLessThan(2)
    expect(place.samples).toHaveLength(20)
    expect(((cause as Error).cause as Error).stack).toContain(ownModule('throwing'))
  })

  it('throws first, and what fails on the way out is attached: a checkpoint, and the stream as it is closed', async () => {
    const [module, directory] = [join(folder, 'picky.mjs'), join(folder, 'taken')]
    await writeFile(
      module,
      `export const shapes = (input) => ({ output: input })
      export function forward({ x, y }) { if (x.some((one) => one > 100)) throw new RangeError('too large'); y.set(x) }
      export function backward({ dx, dy }) { dx.set(dy) }`,
    )
    const data = blobs(400, 4, 3)
    // 10 windows of 2 batches; what is wrong comes in the third of epoch 1.
    async function* rows(epoch: number) {
      let over = false
      try {
        for (let i = 0; i < data.rows; i++) {
          const x = [...data.x.subarray(4 * i, 4 * i + 4)]
          yield { x: epoch === 1 && i === 80 ? [1000, 0, 0, 0] : x, y: data.y[i]! }
        }
        over = true
      } finally {
        if (!over) throw new Error('the line is dead')
      }
    }
    const onEpochEnd = async () => {
      await rm(directory, { recursive: true, force: true })
      await writeFile(directory, '')
    }
    const given = config({ type: 'custom', module, name: 'picky' }, { type: 'dense', units: 3 })
    await using trainer = await Trainer.create({ ...given, epochs: 3, workers: 2 })
    const failure = await trainer
      .fit(rows, { bufferRows: 40, checkpoint: { directory }, callbacks: { onEpochEnd } })
      .catch((error: unknown) => error as TrainingError & { suppressed?: Error[] })
    expect(failure).toMatchObject({ name: 'TrainingError', phase: 'rows', layer: 'picky' })
    expect((failure as TrainingError).samples).toContain(80)
    expect((failure as { suppressed?: Error[] }).suppressed?.map(({ message }) => message)).toEqual([
      expect.stringMatching(/last\.ckpt: could not be written|best\.ckpt: could not be written/),
      expect.stringMatching(
        /^The stream of training data failed after \d+ rows of epoch 1, as it was closed: the line is dead\.$/,
      ),
    ])
  })

  it.each([
    ['no module there', { type: 'custom', module: './no-such-module.mjs' } as const, 'could not be loaded'],
    ['a module that is no layer', own('asymmetric'), 'to export a function `shapes`, it exports loss.'],
    [
      'a module from elsewhere',
      { type: 'custom', module: 'https://example.org/layer.js' } as const,
      'a path or a file URL',
    ],
  ])('is refused: %s', async (_name, layer, message) => {
    const make = async () => (await Trainer.create(config(layer, { type: 'dense', units: 3 }))).build(blobs(9, 4, 3))
    await expect(make()).rejects.toThrow(UserError)
    await expect(make()).rejects.toThrow(message)
  })

  it.each([
    ['nothing', 'undefined', /expected `shapes` of .* to give an object with `output`, .* shape \[4\], got nothing/],
    ['a promise', 'Promise.resolve({ output: [4] })', /to give `output` as an array of integers >= 1 .* got nothing/],
    ['a shape that is no array', '{ output: 4 }', /to give `output` as an array of integers >= 1 .* got `4`/],
    [
      'a parameter without a shape',
      '{ output: [4], parameters: { gain: [4] } }',
      /to give `gain` as an object whose `shape` is .* got `\[4\]`/,
    ],
    ['half a number that it keeps', '{ output: [4], saved: 0.5 }', /to give `saved` as an integer >= 0 .* got `0.5`/],
    [
      'an initializer that is none',
      "{ output: [4], parameters: { gain: { shape: [4], initializer: 'one' } } }",
      /to give the initializer of `gain` as a name .* got `"one"`/,
    ],
    [
      'an initializer without its settings',
      "{ output: [4], parameters: { gain: { shape: [4], initializer: { type: 'normal' } } } }",
      /an object with all its settings, .* got `\{"type":"normal"\}`/,
    ],
  ])('is refused when its `shapes` gives %s', async (name, shapes, message) => {
    const module = join(folder, `${name.replaceAll(' ', '-')}.mjs`)
    const functions = 'forward() {}\nexport function backward() {}\nexport function gradients() {}'
    await writeFile(module, `export const shapes = () => (${shapes})\nexport function ${functions}\n`)
    const trainer = await Trainer.create(config({ type: 'custom', module }, { type: 'dense', units: 3 }), {
      crew: new InlineCrew(),
    })
    const failure = await trainer.fit(blobs(9, 4, 3)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UserError)
    expect((failure as Error).message).toMatch(/^Layer `custom_1`: /)
    expect((failure as Error).message).toMatch(message)
  })

  it('has parameters that start as a name says', async () => {
    const module = join(folder, 'named.mjs')
    const parameters =
      "{ a: { shape: [2], initializer: 'ones' }, b: { shape: [2], initializer: { type: 'constant', value: 3 } } }"
    const functions = 'forward() {}\nexport function backward() {}\nexport function gradients() {}'
    await writeFile(
      module,
      `export const shapes = (shape) => ({ output: shape, parameters: ${parameters} })\nexport function ${functions}\n`,
    )
    const trainer = await Trainer.create(config({ type: 'custom', module }, { type: 'dense', units: 3 }), {
      crew: new InlineCrew(),
    })
    await trainer.build(blobs(9, 4, 3))
    expect(trainer.getWeights()['custom_1/a']).toEqual(Float32Array.of(1, 1))
    expect(trainer.getWeights()['custom_1/b']).toEqual(Float32Array.of(3, 3))
  })

  it('is not run because a file says so', async () => {
    const module = join(import.meta.dirname, '../model/own/mixing.ts')
    const trainer = await Trainer.create(config({ type: 'custom', module }, { type: 'dense', units: 3 }))
    await trainer.build(blobs(9, 4, 3))
    const path = join(folder, 'foreign.brig')
    await trainer.save(path)
    vi.resetModules()
    const fresh = (await import('../../src/train/trainer.ts')).Trainer
    await expect(fresh.load(path)).rejects.toThrow('this model runs code of its own')
    vi.stubEnv('BRIGANTINE_MODULES', module)
    await expect(fresh.load(path)).resolves.toBeDefined()
    vi.unstubAllEnvs()
  })
})

describe('check-gradients', () => {
  const check = async (name: string) => {
    const { layers } = config({ type: 'dense', units: 4 }, own(name)).model
    await loadOwn({ layers: layers as never })
    return checkGradients({ layers: layers as never }, 5, { type: 'meanSquaredError' }, 4)
  }

  it('passes what is right', async () => {
    const checks = await check('swish')
    expect(checks.map(({ name, of, passed }) => [name, of, passed])).toEqual([
      ['custom_1', 'input', true],
      ['custom_1', 'gain', true],
      ['custom_1', 'offset', true],
      ['custom_1', 'rows', true],
    ])
  })

  it('looks at a layer that is frozen, and at one in two places, as at any other', async () => {
    const layers = [
      { ...own('swish'), trainable: false, name: 'still' },
      { ...own('swish'), name: 'once' },
      { type: 'shared', layer: 'once' },
    ] as const
    await loadOwn({ layers: layers as never })
    const checks = checkGradients({ layers: layers as never }, 5, { type: 'meanSquaredError' }, 5)
    expect(checks.map(({ name, of, passed }) => `${name} ${of} ${passed}`)).toEqual([
      'still input true',
      'still rows true',
      ...['input', 'gain', 'offset', 'rows'].map((of) => `once ${of} true`),
    ])
  })

  it('tells what is wrong: a factor that was forgotten, rows that are mixed', async () => {
    const failed = async (name: string) => (await check(name)).filter(({ passed }) => !passed).map(({ of }) => of)
    expect(await failed('wrong')).toEqual(['input'])
    expect(await failed('mixing')).toEqual(['rows'])
  })
})

describe('before the first step', () => {
  const module = async (name: string, text: string) => {
    const path = join(folder, `${name}.mjs`)
    await writeFile(path, text)
    return path
  }
  /** A layer whose way forward, and back from the same numbers, are these. */
  const layerOf = (name: string, forward: string, backward: string) =>
    module(
      name,
      `export const shapes = (input) => ({ output: input })
      export function forward({ x, y, rows }) { for (let i = 0; i < x.length; i++) y[i] = ${forward} }
      export function backward({ x, dy, dx }) { for (let i = 0; i < x.length; i++) dx[i] = ${backward} }`,
    )
  const saidOf = async (given: Partial<Config>, layers: Config['model']['layers']) => {
    const trainer = await Trainer.create(
      { ...config(...layers), health: 'warn', epochs: 1, ...given },
      { crew: new InlineCrew() },
    )
    const { health } = await trainer.fit(given.loss ? line(40, 6) : blobs(40, 6, 3))
    return health.filter(({ code }) => code === 'OWN_GRADIENT')
  }
  const last = { type: 'dense', units: 3 } as const

  it('a gradient that is wrong is told with its layer, its tensor and the command, and trained on', async () => {
    const path = await layerOf('forgetful', 'Math.tanh(x[i])', 'dy[i]')
    const said = await saidOf({}, [
      { type: 'residual', layers: [{ type: 'custom', module: path, name: 'mine' }] },
      last,
    ])
    expect(said).toHaveLength(1)
    expect(said[0]).toMatchObject({ severity: 'warn', step: -1, layer: 'residual_1/mine' })
    expect(said[0]!.sentence).toMatch(
      /^The gradient with respect to input that your own layer residual_1\/mine gives is \d+ % off what its results say: see `npx brigantine check-gradients` \(before the first step\)\.$/,
    )
  })

  it('rows that depend on others are told, and a loss', async () => {
    const [mixed] = await saidOf({}, [own('mixing'), last])
    expect(mixed!.sentence).toMatch(/^Rows of your own layer custom_1 depend on other rows of the batch: /)
    const path = await module(
      'doubled',
      `export function loss(output, target, gradient) {
        gradient[0] = output[0] - target[0]
        return (output[0] - target[0]) ** 2
      }`,
    )
    const [loss] = await saidOf({ loss: { type: 'custom', module: path } }, [{ type: 'dense', units: 1 }])
    expect(loss!.sentence).toMatch(/^The gradient with respect to outputs that your own loss gives is \d+ % off/)
    expect(loss!.layer).toBeUndefined()
  })

  it('nothing is said of one that is right, throws, draws, has kinks or computes in float32', async () => {
    const said = await Promise.all(
      [
        own('swish'),
        { ...own('swish'), trainable: false },
        { type: 'custom', module: await layerOf('kinked', 'Math.max(0, x[i])', 'x[i] > 0 ? dy[i] : 0') } as const,
        {
          type: 'custom',
          module: await layerOf('rounded', 'Math.fround(Math.exp(Math.fround(x[i])))', 'dy[i] * Math.exp(x[i])'),
        } as const,
        { type: 'custom', module: await layerOf('noisy', 'x[i] + Math.random()', 'dy[i]') } as const,
        { type: 'custom', module: await layerOf('roots', 'Math.sqrt(x[i])', 'dy[i] / 2 / Math.sqrt(x[i])') } as const,
      ].map((layer) => saidOf({ batchSize: 7 }, [{ type: 'dense', units: 5, activation: 'sigmoid' }, layer, last])),
    )
    expect(said.flat()).toEqual([])
  })

  it('nor where it is meant', async () => {
    const through = { type: 'custom', module: await layerOf('through', 'Math.round(x[i])', 'dy[i]') } as const
    expect(await saidOf({}, [through, last])).toHaveLength(1)
    expect(await saidOf({ health: { ownGradients: false } }, [through, last])).toEqual([])
  })
})

describe('a loss', () => {
  const loss = { type: 'custom', module: ownModule('asymmetric'), options: { over: 4 } } as const

  it('that weighs errors above the target more gives predictions below it', async () => {
    const data = line(200, 3)
    const train = async (over: number) => {
      const given: Config = {
        ...config({ type: 'dense', units: 1 }),
        epochs: 30,
        optimizer: { type: 'sgd', learningRate: 0.05 },
        loss: { ...loss, options: { over } },
      }
      const trainer = await Trainer.create(given, { crew: new InlineCrew() })
      const history = await trainer.fit(data)
      const outputs = await trainer.predict(data.x)
      const below = data.y.reduce((sum, y, i) => sum + y - outputs[i]!, 0) / data.rows
      return { below, loss: history.history.loss!.at(-1)! }
    }
    const [even, uneven] = [await train(1), await train(9)]
    expect(Math.abs(even.below)).toBeLessThan(0.02)
    expect(uneven.below).toBeGreaterThan(0.05)
    // Noise of deviation 0.1.
    expect(even.loss).toBeCloseTo(0.01, 2)
  })

  it('of one kind is the built-in squared error, with weights of samples too', async () => {
    const data = { ...line(90, 3), sampleWeight: Float32Array.from({ length: 90 }, (_, i) => i % 3) }
    const weights = async (given: Config['loss']) => {
      const trainer = await Trainer.create(
        { ...config({ type: 'dense', units: 1 }), loss: given },
        { crew: new InlineCrew() },
      )
      await trainer.fit(data)
      return trainer.getWeights()['dense_1/kernel']!
    }
    const [ours, theirs] = [await weights('meanSquaredError'), await weights({ ...loss, options: { over: 1 } })]
    ours.forEach((w, i) => expect(theirs[i]).toBeCloseTo(w, 6))
  })

  it('is checked too', async () => {
    await loadOwn({ layers: [] }, loss)
    expect(checkGradients({ layers: [{ type: 'dense', units: 2 }] }, 3, loss, 2)).toMatchObject([
      { name: 'loss', of: 'outputs', passed: true },
    ])
  })
})
