/** The format to the byte, models through it, and files that lie about themselves. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { half } from '../../src/interop/dtypes.ts'
import { foreign, fromForeign, toForeign } from '../../src/interop/layout.ts'
import { matchTensors } from '../../src/interop/match.ts'
import { encodeSafetensors, readSafetensors } from '../../src/interop/safetensors.ts'
import { buildModel } from '../../src/model/build.ts'
import type { ParameterSpec } from '../../src/model/layer.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from '../train/data.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function fileOf(...parts: (Uint8Array | string)[]): Promise<string> {
  const path = join(folder, `${files++}.safetensors`)
  await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))))
  return path
}

/** A file with this header over so many bytes of tensors. */
async function withHeader(header: unknown, bytes: number, length?: bigint): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(length ?? BigInt(json.length))
  return fileOf(size, json, Buffer.alloc(bytes, 1))
}

describe('the format', () => {
  it('is what the specification says, to the byte', async () => {
    const values = Float32Array.of(1, -2, 0.5, 1024)
    const tensors = [{ name: 'a', shape: [2, 2], values }]
    const file = Buffer.concat(encodeSafetensors({ tensors, metadata: { format: 'pt' } }))
    const json = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'
    expect(Number(file.readBigUInt64LE())).toBe(Math.ceil(json.length / 8) * 8)
    expect(file.subarray(8, -16).toString().trimEnd()).toBe(json)
    expect(file.subarray(-16).toString('hex')).toBe('0000803f000000c00000003f00008044')
    const read = await readSafetensors(await fileOf(file))
    expect(read).toEqual({ tensors, metadata: { format: 'pt' } })
  })

  it('brings back any tensors, scalars and empty ones too', async () => {
    const shape = fc.array(fc.nat(4), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), shape, { maxKeys: 5 }), async (shapes) => {
        const tensors = Object.entries(shapes)
          .filter(([name]) => name !== '__metadata__')
          .map(([name, shape]) => {
            const length = shape.reduce((a, b) => a * b, 1)
            return { name, shape, values: Float32Array.from({ length }, (_, i) => i - 1.5) }
          })
        const read = await readSafetensors(await fileOf(...encodeSafetensors({ tensors, metadata: {} })))
        const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
        expect([...read.tensors].sort(byName)).toEqual([...tensors].sort(byName))
      }),
      { numRuns: 30 },
    )
  })

  it('reads the other number types', async () => {
    const one = (dtype: string, bytes: number[]) =>
      fileOf(
        (() => {
          const json = JSON.stringify({ t: { dtype, shape: [1], data_offsets: [0, bytes.length] } })
          const size = Buffer.alloc(8)
          size.writeBigUInt64LE(BigInt(json.length))
          return Buffer.concat([size, Buffer.from(json), Buffer.from(bytes)])
        })(),
      )
    const read = async (dtype: string, bytes: number[]) =>
      (await readSafetensors(await one(dtype, bytes))).tensors[0]!.values[0]
    expect(await read('F16', [0x00, 0xc0])).toBe(-2)
    expect(await read('BF16', [0xc0, 0x3f])).toBe(1.5)
    expect(await read('F64', [0, 0, 0, 0, 0, 0, 0xe0, 0x3f])).toBe(0.5)
    expect(await read('I64', [0xfe, 255, 255, 255, 255, 255, 255, 255])).toBe(-2)
    expect(await read('I32', [3, 0, 0, 0])).toBe(3)
    expect(await read('U8', [200])).toBe(200)
    // Largest, smallest subnormal, infinity: of IEEE 754 binary16.
    expect([half(0x7bff), half(0x0001), half(0x7c00), half(0x8000)]).toEqual([65504, 2 ** -24, Infinity, -0])
  })
})

describe('a file that lies is refused before memory is taken for it', () => {
  const tensor = (more: object) => ({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } })
  const huge = 2 ** 40
  it.each<[string, unknown, number, bigint | undefined, RegExp]>([
    ['a header longer than the file', tensor({}), 8, 2n ** 63n, /header of at most/],
    ['a header longer by one', tensor({}), 0, 200n, /header of at most/],
    ['no JSON', '{"t":', 8, undefined, /header of JSON/],
    ['a list', [], 8, undefined, /object of tensors/],
    ['metadata of numbers', { __metadata__: { a: 1 } }, 0, undefined, /`__metadata__` to hold texts/],
    ['an unknown dtype', tensor({ dtype: 'constructor' }), 8, undefined, /dtype of F64, F32/],
    ['a dtype that is no text', tensor({ dtype: { toString: 0 } }), 8, undefined, /got an object with keys toString/],
    ['a negative axis', tensor({ shape: [-2] }), 8, undefined, /shape of whole numbers/],
    ['a shape that is no list', tensor({ shape: 2 }), 8, undefined, /shape of whole numbers/],
    ['a shape too large', tensor({ shape: [huge] }), 8, undefined, /4398046511104 bytes for shape/],
    [
      'a shape whose size overflows to what is there',
      tensor({ shape: [2 ** 32, 2 ** 32, 2 ** 32] }),
      8,
      undefined,
      /bytes for shape/,
    ],
    [
      'offsets beyond the file',
      tensor({ shape: [huge], data_offsets: [0, 4 * huge] }),
      8,
      undefined,
      /expected 4398046511104 bytes of tensors, got 8|of tensors/,
    ],
    ['offsets that run back', tensor({ data_offsets: [8, 0] }), 8, undefined, /bytes for shape/],
    [
      'a gap',
      { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] }, b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] } },
      12,
      undefined,
      /end to end/,
    ],
    [
      'an overlap',
      { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } },
      8,
      undefined,
      /end to end/,
    ],
    ['bytes too few', tensor({}), 7, undefined, /expected 8 bytes of tensors, got 7/],
    ['bytes too many', tensor({}), 9, undefined, /expected 8 bytes of tensors, got 9/],
  ])('%s', async (_, header, bytes, length, message) => {
    const path = await withHeader(header, bytes, length)
    await expect(readSafetensors(path)).rejects.toThrow(message)
  })

  it('or is too short, or missing', async () => {
    await expect(readSafetensors(await fileOf('short'))).rejects.toThrow(/at least 8 bytes, got 5/)
    await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow(/there is no such file/)
  })

  it('whatever byte is changed, it is read or refused, and never anything else', async () => {
    const good = Buffer.concat(
      encodeSafetensors({ tensors: [{ name: 't', shape: [2], values: Float32Array.of(1, 2) }], metadata: { a: 'b' } }),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, byte) => {
        const bad = Buffer.from(good)
        bad[at] = byte
        const path = await fileOf(bad)
        await readSafetensors(path).catch((error: Error) => expect(error.name).toBe('UserError'))
      }),
      { numRuns: 150 },
    )
  })
})

describe('layouts', () => {
  it('turn back to what they were, for any rank', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), (shape) => {
        const spec = { name: 'layer_1/kernel', shape }
        const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i)
        const there = foreign(spec, 'pytorch')
        expect(fromForeign(toForeign(values, shape, there), there)).toEqual(values)
      }),
    )
  })

  it('of a convolution: [height, width, in, out] is [out, in, height, width] there', () => {
    const there = foreign({ name: 'conv2d_1/kernel', shape: [3, 5, 2, 7] }, 'pytorch')
    expect(there).toMatchObject({ name: 'conv2d_1.weight', shape: [7, 2, 3, 5] })
    // Element (h, w, i, o) = (1, 2, 1, 3) of ours lies at ((1 * 5 + 2) * 2 + 1) * 7 + 3.
    const ours = Float32Array.from({ length: 210 }, (_, i) => i)
    const theirs = toForeign(ours, [3, 5, 2, 7], there)
    expect(theirs[((3 * 2 + 1) * 3 + 1) * 5 + 2]).toBe(((1 * 5 + 2) * 2 + 1) * 7 + 3)
  })

  it('behind a flattened image: [height width channels, units] is [units, channels height width] there', () => {
    const spec = { name: 'dense_1/kernel', shape: [3 * 5 * 2, 7], flattened: [3, 5, 2] }
    const there = foreign(spec, 'pytorch')
    expect(there).toMatchObject({ name: 'dense_1.weight', shape: [7, 30] })
    // Cell (h, w, c) = (1, 2, 1) and unit 3: row (1 * 5 + 2) * 2 + 1 of ours, column (1 * 3 + 1) * 5 + 2 of theirs.
    const ours = Float32Array.from({ length: 210 }, (_, i) => i)
    const theirs = toForeign(ours, spec.shape, there)
    expect(theirs[3 * 30 + (1 * 3 + 1) * 5 + 2]).toBe(((1 * 5 + 2) * 2 + 1) * 7 + 3)
    expect(fromForeign(theirs, there)).toEqual(ours)
  })

  it('takes what elementwise layers leave of a flattened image for one, and blocks and what lies behind a dense layer not', () => {
    const { parameters } = buildModel(
      {
        inputShape: [3, 5, 2],
        layers: [
          { type: 'flatten' },
          { type: 'batchNorm' },
          { type: 'residual', layers: [{ type: 'dense', units: 30 }] },
          { type: 'dense', units: 30 },
        ],
      },
      30,
    )
    const turned = parameters.filter(({ flattened }) => flattened).map(({ name }) => name)
    expect(turned).toEqual(['gamma', 'beta', 'movingMean', 'movingVariance'].map((part) => `batchNorm_1/${part}`))
  })
})

describe('tensors of other names', () => {
  const spec = (name: string, shape: number[]): ParameterSpec => ({
    ...{ name, shape, initializer: { type: 'zeros' }, fanIn: 1, fanOut: 1 },
  })
  const parameters = [spec('dense_1/kernel', [2, 3]), spec('dense_1/bias', [3])]
  const theirs = [
    { name: 'fc.bias', shape: [3], values: Float32Array.of(7, 8, 9) },
    { name: 'fc.weight', shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
  ]

  it('are taken in order, or by a map, and turned where they lie the other way', () => {
    for (const names of [undefined, { dense_1: 'fc' }]) {
      const [kernel, bias] = matchTensors(parameters, theirs, { names }, 'file')
      expect(kernel).toEqual(Float32Array.of(1, 3, 5, 2, 4, 6))
      expect(bias).toEqual(Float32Array.of(7, 8, 9))
    }
  })

  it('name both shapes where they do not fit, and what is missing', () => {
    const other = [spec('dense_1/kernel', [2, 4]), spec('dense_1/bias', [3])]
    expect(() => matchTensors(other, theirs, {}, 'file')).toThrow(
      /tensor `fc.weight` of shape \[4, 2\] for `dense_1\/kernel`, got \[3, 2\]/,
    )
    expect(() => matchTensors(parameters, theirs.slice(1), {}, 'file')).toThrow(/expected 2 tensors.*got 1: fc.weight/)
    expect(() => matchTensors(parameters, theirs, { names: { dense_1: 'head' } }, 'file')).toThrow(/head.weight/)
  })
})

describe('a model', () => {
  const config: Config = {
    epochs: 2,
    model: {
      layers: [
        { type: 'dense', units: 8, activation: 'tanh' },
        { type: 'residual', layers: [{ type: 'dense', units: 8 }] },
        { type: 'dense', units: 3 },
      ],
    },
  }

  it.each(['brigantine', 'pytorch'] as const)('comes back from layout %s with every bit', async (layout) => {
    const path = join(folder, `model-${layout}.safetensors`)
    const trainer = await Trainer.create(config, { crew: new InlineCrew() })
    const data = blobs(50, 5, 3)
    await trainer.fit(data)
    await trainer.save(path, { layout })
    const back = await Trainer.load(path, {}, { crew: new InlineCrew() })
    expect(back.weightsHash()).toBe(trainer.weightsHash())
    expect(await back.evaluate(data)).toEqual(await trainer.evaluate(data))
    await back.fit(data)
  })

  it('without its config is no model, and the message says what to do', async () => {
    const path = await fileOf(...encodeSafetensors({ tensors: [], metadata: {} }))
    await expect(Trainer.load(path)).rejects.toThrow(/brigantine import FILE --config/)
    const wrong = { brigantine: JSON.stringify({ config: { model: 3 }, inputs: 1, targets: 1, layout: 'brigantine' }) }
    const altered = await fileOf(...encodeSafetensors({ tensors: [], metadata: wrong }))
    await expect(Trainer.load(altered)).rejects.toThrow(/`model`/)
  })
})
