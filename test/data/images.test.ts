/** Images: what files of every kind hold, sizes, and class folders of them with what is refused. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import jpeg from 'jpeg-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeJpeg } from '../../src/data/image/jpeg.ts'
import { toChannels } from '../../src/data/image/picture.ts'
import { decodePng } from '../../src/data/image/png.ts'
import { resize } from '../../src/data/image/resize.ts'
import { loadData, readDataset } from '../../src/data/load.ts'
import { readTable } from '../../src/data/read/table.ts'
import { greyPng, header, png, pngOf } from './png.ts'

describe('a PNG', () => {
  const cases = [0, 2, 3, 4, 6].flatMap((type) =>
    (type === 0 ? [1, 2, 4, 8, 16] : type === 3 ? [1, 2, 4, 8] : [8, 16]).flatMap((depth) =>
      [false, true].map((interlaced) => ({ type, depth, interlaced })),
    ),
  )

  it.each(cases)('of type $type and $depth bits, interlaced: $interlaced, is read', ({ type, depth, interlaced }) => {
    const sample = (x: number, y: number, c: number) => (x * 7919 + y * 104_729 + c * 1299 + x * y * 31) % 2 ** depth
    const palette = Array.from({ length: 3 * 2 ** Math.min(8, depth) }, (_, i) => (i * 37) % 256)
    for (const [width, height] of [
      [13, 9],
      [1, 1],
      [3, 17],
      [8, 2],
    ] as const) {
      // prettier-ignore
      const file = png({ width, height, type, depth, interlaced, palette, filterOf: (line) => (line >> 1) % 5, sample })
      const channels = type === 0 || type === 4 ? 1 : 3
      const expected = Array.from({ length: width * height * channels }, (_, i) => {
        const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels]
        if (type === 3) return palette[3 * sample(x, y, 0) + c]!
        const value = sample(x, y, c)
        return depth === 16 ? value >> 8 : (value * 255) / (2 ** depth - 1)
      })
      expect(decodePng(file, 'a.png')).toEqual({ width, height, channels, pixels: Uint8Array.from(expected) })
    }
  })

  const whole = greyPng(20, 10, (x, y) => x + y)
  const refused = (bytes: Uint8Array) => expect(() => decodePng(bytes, 'cat.png'))

  it('that ends anywhere before its end is refused, with its name', () => {
    for (let length = 8; length < whole.length; length++) {
      refused(whole.subarray(0, length)).toThrow(/^cat\.png: expected a whole image, but it is truncated or damaged/)
    }
  })

  it('with a wrong byte is refused by its checksum', () => {
    for (let at = 12; at < whole.length - 12; at++) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 0x10
      refused(bytes).toThrow(/^cat\.png: expected a whole image/)
    }
  })

  it('that declares more than it can hold is refused before memory is taken', () => {
    const before = process.memoryUsage().rss
    refused(pngOf(header(2 ** 31 - 1, 2 ** 31 - 1, 8, 0), Buffer.alloc(40))).toThrow(
      'at most 2^25 (33.5 million) pixels',
    )
    refused(pngOf(header(5000, 5000, 16, 6), Buffer.alloc(40))).toThrow('5000 x 5000 pixels cannot be in 40 bytes')
    refused(pngOf(header(0, 5, 8, 0), Buffer.alloc(40))).toThrow('its header declares 0 x 5 pixels')
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6)
  })

  it('whose pixels are more or fewer than declared, of no such type, or outside its palette, is refused', () => {
    const { data } = { data: whole.subarray(whole.indexOf('IDAT') + 4) }
    expect(data.length).toBeGreaterThan(0)
    const other = (width: number, height: number, type = 0, depth = 8, palette?: number[]) =>
      refused(
        Buffer.concat([
          pngOf(header(width, height, depth, type), Buffer.alloc(0), palette).subarray(
            0,
            palette ? 45 + palette.length : 33,
          ),
          whole.subarray(33),
        ]),
      )
    other(20, 9).toThrow('its pixels do not unpack')
    other(20, 11).toThrow('231 bytes of pixels are declared, 210 are there')
    other(20, 10, 5).toThrow('its header declares colour type 5 of 8 bits')
    other(20, 10, 0, 3).toThrow('its header declares colour type 0 of 3 bits')
    other(20, 10, 3).toThrow('it has no whole palette')
    other(20, 10, 3, 8, [1, 2, 3]).toThrow('colour 1 is not in its palette')
  })
})

describe('a JPEG', () => {
  const width = 24
  const height = 16
  const data = Buffer.from(Array.from({ length: width * height * 4 }, (_, i) => [200, 40, 90, 255][i % 4]!))
  const whole = jpeg.encode({ width, height, data }, 95).data

  it('is read in its colours', async () => {
    const picture = await decodeJpeg(whole, 'a.jpg')
    expect(picture).toMatchObject({ width, height, channels: 3 })
    picture.pixels.forEach((value, i) => expect(Math.abs(value - [200, 40, 90][i % 3]!)).toBeLessThan(4))
  })

  it('that ends early, is of another process, or declares what it cannot hold is refused with its name', async () => {
    for (let length = 3; length < whole.length - 1; length += 7) {
      await expect(decodeJpeg(whole.subarray(0, length), 'cat.jpg')).rejects.toThrow(
        /^cat\.jpg: expected a whole image/,
      )
    }
    const frame = whole.indexOf(Buffer.from([0xff, 0xc0]))
    const with_ = (at: number, ...bytes: number[]) => {
      const other = Buffer.from(whole)
      other.set(bytes, frame + at)
      return expect(decodeJpeg(other, 'cat.jpg')).rejects
    }
    await with_(1, 0xc9).toThrow(
      'cat.jpg: expected a baseline or progressive JPEG, got a lossless or arithmetic-coded one',
    )
    await with_(5, 0xff, 0xff, 0xff, 0xff).toThrow('at most 2^25 (33.5 million) pixels, got 65535 x 65535')
    await with_(5, 0x10, 0, 0x10, 0).toThrow('4096 x 4096 pixels cannot be in')
    await with_(5, 0, 0).toThrow('its header declares 24 x 0 pixels')
  })
})

describe('sizes and colours', () => {
  const grey = (width: number, height: number, pixels: number[]) =>
    ({ width, height, channels: 1, pixels: Uint8Array.from(pixels) }) as const

  it('smaller is the mean of what falls into a pixel, larger lies between neighbours', () => {
    // Weights of the triangle over four pixels: 1, 3, 3, 1 of 8; at the edges without what is outside: 3, 3, 1 of 7.
    expect([...resize(grey(4, 1, [0, 80, 160, 240]), 1, 2).pixels]).toEqual([57, 183])
    expect([...resize(grey(2, 1, [0, 100]), 1, 4).pixels]).toEqual([0, 25, 75, 100])
    expect([...resize(grey(1, 2, [0, 100]), 4, 1).pixels]).toEqual([0, 25, 75, 100])
    const flat = resize(grey(7, 5, Array<number>(35).fill(93)), 3, 11)
    expect([flat.height, flat.width, new Set(flat.pixels)]).toEqual([3, 11, new Set([93])])
  })

  it('are kept apart, and are what they were at the same size', () => {
    const pixels = Uint8Array.from([255, 0, 10, 255, 0, 10])
    const colours = { width: 2, height: 1, channels: 3, pixels } as const
    expect([...resize(colours, 1, 1).pixels]).toEqual([255, 0, 10])
    expect(resize(colours, 1, 2)).toBe(colours)
  })

  it('grey is weighed as the eye does, and is three times itself as colour', () => {
    const pixels = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    expect([...toChannels({ width: 4, height: 1, channels: 3, pixels }, 1).pixels]).toEqual([76, 150, 29, 9])
    expect([...toChannels(grey(2, 1, [3, 250]), 3).pixels]).toEqual([3, 3, 3, 250, 250, 250])
  })
})

describe('class folders of images', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'brigantine-images-'))
    for (const [name, values] of Object.entries({ dog: [10, 20, 30], cat: [200, 210] })) {
      await mkdir(join(folder, name))
      for (const [i, value] of values.entries())
        await writeFile(
          join(folder, name, `${i}.PNG`),
          greyPng(4, 3, () => value),
        )
      await writeFile(join(folder, name, 'about.txt'), 'pictures')
      await writeFile(join(folder, name, '._0.png'), 'what another system left')
    }
    const data = Buffer.alloc(8 * 6 * 4, 100)
    await writeFile(join(folder, 'cat', 'z.jpeg'), jpeg.encode({ width: 8, height: 6, data }, 95).data)
  })
  afterAll(() => rm(folder, { recursive: true }))

  const grayscale = { images: { size: [3, 4] as [number, number], colorMode: 'grayscale' as const } }

  it('are a row for each image, resized, by class and name; classes are the folders, sorted', async () => {
    const { table, format } = await readTable(folder, undefined, { source: folder, ...grayscale })
    expect([format, table.rows, table.columns[0]!.width]).toEqual(['images', 6, 12])
    const values = table.columns[0]!.values as Uint8Array
    const firsts = Array.from({ length: 6 }, (_, row) => values[12 * row]!)
    expect(firsts.map((value) => Math.round(value / 10))).toEqual([20, 21, 10, 1, 2, 3])
    expect(table.columns[1]!.values).toEqual(['cat', 'cat', 'cat', 'dog', 'dog', 'dog'])
  })

  it('are data to train on and to predict from, also without class folders and one by one', async () => {
    const config = { source: folder, ...grayscale }
    const { train, transform, summary } = await loadData(config, 0)
    expect(train).toMatchObject({ rows: 6, features: 12, targets: 1, classNames: ['cat', 'dog'] })
    expect(summary.format).toBe('images')
    expect(train.x[0]).toBeCloseTo(200 / 255, 6)
    const dogs = await readDataset({ ...config, source: join(folder, 'dog') }, transform)
    expect([dogs.rows, dogs.targets]).toEqual([3, 0])
    const one = await readDataset({ ...config, source: join(folder, 'dog', '1.PNG') }, transform)
    expect([one.rows, one.targets, one.x[5]]).toEqual([1, 0, Math.fround(20 / 255)])
    await expect(loadData({ ...config, source: join(folder, 'dog') }, 0)).rejects.toThrow(
      `Expected a folder of images for each class in ${join(folder, 'dog')}, got images without a class`,
    )
  })

  it('of several sizes are refused where none is asked for, naming both', async () => {
    await expect(readTable(folder, undefined, { source: folder })).rejects.toThrow(
      /z\.jpeg: expected an image of 3 x 4 \(height x width\), as .*0\.PNG is, got 6 x 8\. Set data\.images\.size/,
    )
    const { table } = await readTable(join(folder, 'dog'), undefined, { source: folder })
    expect(table.columns[0]).toMatchObject({ width: 36, values: { length: 108 } })
  })

  it('with what is no image, a link, a pipe or a folder in the place of one, are refused by its name', async () => {
    const other = join(folder, '..', `${folder.split('/').at(-1)!}-other`)
    await mkdir(join(other, 'cat'), { recursive: true })
    const place = join(other, 'cat', '1.png')
    const refused = async (make: () => unknown, message: string) => {
      await make()
      await expect(readTable(other, undefined, { source: other })).rejects.toThrow(`${place}: ${message}`)
      await rm(place, { recursive: true })
    }
    try {
      await refused(() => writeFile(place, 'not an image'), 'expected a PNG or JPEG image, got a file of another kind')
      await refused(() => writeFile(place, ''), 'expected a PNG or JPEG image, got a file of another kind')
      await refused(() => symlink(join(folder, 'cat', '0.PNG'), place), 'expected an image file, got a link')
      await refused(() => symlink('/dev/zero', place), 'expected an image file, got a link')
      await refused(() => execFileSync('mkfifo', [place]), 'expected an image file, got a pipe, socket or device')
      await refused(() => mkdir(place), 'expected an image file, got a folder')
      await symlink(folder, join(other, 'dog'))
      await expect(readTable(other, undefined, { source: other })).rejects.toThrow(
        `${join(other, 'dog')}: expected the folder of a class, got a link, which is not followed`,
      )
    } finally {
      await rm(other, { recursive: true })
    }
  })
})
