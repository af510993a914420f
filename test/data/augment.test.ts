/** Rows as augmentation makes them: what may change, what may not, and what they are drawn from. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Augmenter } from '../../src/data/augment.ts'
import { toCategorical } from '../../src/data/one-hot.ts'
import { normalCdf } from '../../src/kernels/reference/functions.ts'
import type { Augment } from '../../src/plan/settings.ts'
import { philox } from '../../src/random/philox.ts'
import { betaAt, normalTable } from '../../src/random/tables.ts'

const image = { height: 4, width: 5, channels: 2 }
const INPUTS = 40
const none: Augment = { horizontalFlip: 0, image }

/** Rows of a data set as an epoch sees them. */
function rowsOf(augment: Augment, x: readonly number[], y: readonly number[], epoch = 0, seed = 1, weights?: number[]) {
  const rows = x.length / INPUTS
  const targets = y.length / rows
  const from = { x: 0, y: x.length, weight: weights ? x.length + y.length : -1, inputs: INPUTS, targets }
  const to = x.length + y.length + rows
  const floats = new Float32Array(to + INPUTS + targets + 1)
  floats.set([...x, ...y, ...(weights ?? [])])
  const augmenter = new Augmenter(augment, seed, from, floats)
  return Array.from({ length: rows }, (_, sample) => {
    augmenter.write(epoch, sample, to, to + INPUTS, to + INPUTS + targets, 0, rows)
    const row = floats.slice(to)
    return { x: [...row.subarray(0, INPUTS)], y: [...row.subarray(INPUTS, -1)], weight: row.at(-1)! }
  })
}

const pixels = (rows: number) => Array.from({ length: rows * INPUTS }, (_, i) => i + 1)
const labels = (rows: number) => Array.from({ length: rows }, (_, i) => i % 3)
const flat = (rows: { x: number[] }[]) => rows.flatMap(({ x }) => x)

describe('a horizontal flip', () => {
  const always: Augment = { ...none, horizontalFlip: 1 }

  it('twice is the identity, and mirrors columns, not rows or channels', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { minLength: INPUTS, maxLength: INPUTS }), (x) => {
        expect(flat(rowsOf(always, flat(rowsOf(always, x, [0])), [0]))).toEqual(x)
      }),
    )
    const [row] = rowsOf(always, pixels(1), [0])
    expect(row!.x.slice(0, 10)).toEqual([9, 10, 7, 8, 5, 6, 3, 4, 1, 2])
  })

  it('comes as often as asked, by epoch and sample, and leaves targets and weights alone', () => {
    const rows = 400
    const given = pixels(rows)
    const seen = [0, 1].map((epoch) => rowsOf({ ...none, horizontalFlip: 0.25 }, given, labels(rows), epoch))
    const isFlipped = seen.map((all) => all.map(({ x }, r) => x[0] !== given[r * INPUTS]))
    // 100 expected of 400, standard deviation 8.7.
    for (const epoch of isFlipped) expect(Math.abs(epoch.filter(Boolean).length - 100)).toBeLessThan(40)
    expect(isFlipped[0]).not.toEqual(isFlipped[1])
    expect(seen[0]!.flatMap(({ y }) => y)).toEqual(labels(rows))
    expect(seen[0]!.every(({ weight }) => weight === 1)).toBe(true)
  })
})

describe('a random crop', () => {
  it('is a window of the image in a margin of zeros, at every place there is', () => {
    const rows = 300
    const places = new Set<string>()
    rowsOf({ ...none, randomCrop: 2 }, Array.from({ length: rows }, () => pixels(1)).flat(), labels(rows)).forEach(
      ({ x }) => {
        const at = x.findIndex((value) => value > 0)
        const [row, col] = [Math.floor(at / 10), Math.floor((at % 10) / 2)]
        const [fromRow, fromCol] = [Math.floor((x[at]! - 1) / 10), Math.floor(((x[at]! - 1) % 10) / 2)]
        const [dy, dx] = [fromRow - row, fromCol - col]
        places.add(`${dy} ${dx}`)
        const expected = Array.from({ length: INPUTS }, (_, i) => {
          const [r, c] = [Math.floor(i / 10) + dy, Math.floor((i % 10) / 2) + dx]
          return r >= 0 && r < 4 && c >= 0 && c < 5 ? r * 10 + c * 2 + (i % 2) + 1 : 0
        })
        expect(x).toEqual(expected)
      },
    )
    expect(places.size).toBe(25)
  })
})

describe('mixup', () => {
  const oneHot = (rows: number) => [
    ...toCategorical(
      { rows, features: 1, targets: 1, x: new Float32Array(rows), y: Float32Array.from(labels(rows)) },
      3,
    ).y,
  ]

  it('mixes rows, targets and weights in one share: targets still add up to one', () => {
    const rows = 50
    // Every pixel of a row is its number, so that a mixed row tells its share.
    const x = Array.from({ length: rows * INPUTS }, (_, i) => Math.floor(i / INPUTS))
    const weights = Array.from({ length: rows }, (_, r) => r)
    const mixed = rowsOf({ ...none, mixup: 0.4 }, x, oneHot(rows), 3, 1, weights)
    let between = 0
    mixed.forEach((row, r) => {
      expect(row.y.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6)
      expect(row.y.every((p) => p >= 0 && p <= 1)).toBe(true)
      expect(new Set(row.x).size).toBe(1)
      expect(row.x[0]).toBeCloseTo(row.weight, 4)
      if (row.x[0] !== r && !Number.isInteger(row.x[0])) between++
    })
    expect(between).toBeGreaterThan(rows / 2)
  })

  it('of a row with itself is that row, to the rounding of float32', () => {
    const [row] = rowsOf({ ...none, mixup: 1 }, pixels(1), [1, 0])
    row!.x.forEach((value, i) => expect(value).toBeCloseTo(i + 1, 4))
    expect(row!.y).toEqual([1, 0])
  })

  it('takes the partner as this epoch has it: flipped where all are', () => {
    const rows = 20
    const given = Array.from({ length: rows }, () => pixels(1)).flat()
    for (const { x } of rowsOf({ ...none, horizontalFlip: 1, mixup: 1 }, given, labels(rows))) {
      expect(x[0]).toBeCloseTo(9, 4)
    }
  })
})

describe('Gaussian noise', () => {
  it('has the deviation asked for, and is another for each number, sample, epoch and seed', () => {
    const rows = 250
    const zeros = Array<number>(rows * INPUTS).fill(0)
    const noised = (epoch: number, seed: number) =>
      flat(rowsOf({ ...none, gaussianNoise: 0.5 }, zeros, labels(rows), epoch, seed))
    const values = noised(0, 1)
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length
    // 10,000 numbers: standard errors of 0.005 and 0.0035.
    expect(Math.abs(mean)).toBeLessThan(0.025)
    expect(Math.abs(variance - 0.25)).toBeLessThan(0.018)
    expect(new Set(values).size).toBeGreaterThan(values.length * 0.9)
    expect(noised(1, 1)).not.toEqual(values)
    expect(noised(0, 2)).not.toEqual(values)
    expect(noised(0, 1)).toEqual(values)
  })
})

describe('a row', () => {
  it('is a function of seed, epoch and sample: whichever rows were made before it', () => {
    const all: Augment = { ...none, horizontalFlip: 0.5, randomCrop: 1, mixup: 0.3, gaussianNoise: 0.1 }
    const [x, y] = [pixels(8), labels(8).map((label) => label / 2)]
    const forwards = rowsOf(all, x, y, 5)
    const floats = new Float32Array(x.length + y.length + INPUTS + 2)
    floats.set([...x, ...y])
    const to = x.length + y.length
    const from = { x: 0, y: x.length, weight: -1, inputs: INPUTS, targets: 1 }
    for (const sample of [6, 1, 7]) {
      new Augmenter(all, 1, from, floats).write(5, sample, to, to + INPUTS, to + INPUTS + 1, 0, 8)
      expect([...floats.slice(to, to + INPUTS)]).toEqual(forwards[sample]!.x)
      expect(floats[to + INPUTS]).toBe(forwards[sample]!.y[0])
    }
  })

  it('that is no image is mixed and noised all the same', () => {
    const plain: Augment = { horizontalFlip: 0, gaussianNoise: 1, image: null }
    expect(flat(rowsOf(plain, pixels(2), labels(2)))).not.toEqual(pixels(2))
    expect(flat(rowsOf({ horizontalFlip: 0, image: null }, pixels(2), labels(2)))).toEqual(pixels(2))
  })
})

describe('what they are drawn from', () => {
  it('normal quantiles that the distribution function gives back', () => {
    const table = normalTable()
    for (let i = 0; i < 2 ** 16; i += 97) expect(normalCdf(table[i]!)).toBeCloseTo((i + 0.5) / 2 ** 16, 7)
    expect(table.reduce((sum, v) => sum + v, 0)).toBe(0)
  })

  it.each([0.1, 0.4, 1, 2, 8])('Beta(%d, same): in [0, 1], with its mean and variance', (alpha) => {
    const words = new Uint32Array(4)
    const values: number[] = []
    let draws = 0
    for (; values.length < 4000; draws++) {
      philox(words, draws, 0, 0, 0, 7, 7)
      const value = betaAt(alpha, words[0]!, words[1]!)
      if (!Number.isNaN(value)) values.push(value)
    }
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true)
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    const variance = values.reduce((sum, v) => sum + (v - 0.5) ** 2, 0) / values.length
    const expected = 1 / (4 * (2 * alpha + 1))
    // Five standard errors of the mean; the fourth moment is at most a sixteenth.
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(expected / 4000))
    expect(Math.abs(variance - expected)).toBeLessThan(5 * Math.sqrt(expected / 4 / 4000))
    expect(values.length / draws).toBeGreaterThan(0.25)
  })

  it('extreme words and parameters give a share or nothing, never a hang', () => {
    for (const alpha of [1e-9, 1e-3, 1, 1e6]) {
      for (const word of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
        const value = betaAt(alpha, word, 0)
        expect(Number.isNaN(value) || (value >= 0 && value <= 1)).toBe(true)
      }
      expect(betaAt(alpha, 2 ** 31, 0)).not.toBeNaN()
    }
  })
})

describe('labels as probabilities', () => {
  it('are one for the own class; what is no label is refused', () => {
    const data = { rows: 3, features: 1, targets: 1, x: new Float32Array(3), y: Float32Array.of(2, 0, 1) }
    expect(toCategorical(data)).toMatchObject({ targets: 3, y: Float32Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0) })
    expect(toCategorical({ ...data, classNames: ['a', 'b', 'c', 'd'] }).targets).toBe(4)
    expect(() => toCategorical(data, 2)).toThrow('integers from 0 to 1, got `2` in row 0')
    expect(() => toCategorical(toCategorical(data))).toThrow('one column of class labels in y, got 3')
  })
})
