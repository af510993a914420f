/** Rows that cannot be what they should: found beside the others, and replaced by sound ones. */
import { describe, expect, it } from 'vitest'
import { withoutBroken } from '../../src/data/broken.ts'
import { normalAt } from '../../src/random/normal.ts'

const rows = 200
const made = (change: (x: Float32Array, y: Float32Array) => void = () => {}) => {
  const x = Float32Array.from({ length: 3 * rows }, (_, i) => normalAt(3, 0, i))
  const y = Float32Array.from({ length: rows }, (_, i) => normalAt(3, 1, i))
  change(x, y)
  return { rows, features: 3, targets: 1, x, y }
}

describe('broken rows', () => {
  it('have the next sound row in their place', () => {
    const data = made((x, y) => {
      y[7] = NaN
      x[3 * 8 + 1] = Infinity
      y[199] = 1e7
    })
    const { data: mended, broken } = withoutBroken(data)
    expect(broken).toBe(3)
    for (const [row, from] of [
      [7, 9],
      [8, 9],
      [199, 0],
    ] as const) {
      expect(mended.x.slice(3 * row, 3 * row + 3)).toEqual(data.x.slice(3 * from, 3 * from + 3))
      expect(mended.y[row]).toBe(data.y[from])
    }
    expect(mended.y[10]).toBe(data.y[10])
  })

  it('are none in data that is well, sparse, or broken as a rule', () => {
    for (const data of [
      made(),
      made((x) => x.forEach((_, i) => (x[i] = i % 50 === 0 ? 1e6 : 0))),
      made((_, y) => y.forEach((_, i) => (y[i] = i % 2 === 0 ? NaN : 1))),
    ]) {
      expect(withoutBroken(data)).toEqual({ data, broken: 0 })
    }
  })
})
