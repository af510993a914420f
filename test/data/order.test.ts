import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  dataOrder,
  MAX_ORDER_SIZE,
  permute,
  permuteWithKeys,
  ROUND_KEYS,
  writeRoundKeys,
} from '../../src/data/order.ts'

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

function orderList(size: number, seed: number, epoch: number): number[] {
  return Array.from({ length: size }, (_, i) => permute(i, size, seed, epoch))
}

describe('data order', () => {
  it('is a permutation for every size, seed and epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), uint32, uint32, (size, seed, epoch) => {
        const seen = new Set(orderList(size, seed, epoch))
        expect(seen.size).toBe(size)
        expect([...seen].every((i) => Number.isInteger(i) && i >= 0 && i < size)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('is a permutation for every size from 1 to 130, across all powers of two there', () => {
    for (let size = 1; size <= 130; size++) expect(new Set(orderList(size, size, 7)).size).toBe(size)
  })

  it('of a part is another for each first row, and that of the whole epoch for row 0', () => {
    const parts = [0, 64, 128, 192].map((first) => Array.from({ length: 64 }, (_, i) => permute(i, 64, 3, 1, first)))
    expect(parts[0]).toEqual(orderList(64, 3, 1))
    for (const part of parts) expect(new Set(part).size).toBe(64)
    expect(new Set(parts.map((part) => part.join())).size).toBe(4)
  })

  it('stays inside and one to one at the largest sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2 ** 30, max: MAX_ORDER_SIZE }),
        fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 30 - 1 }), { minLength: 2, maxLength: 50 }),
        uint32,
        (size, indices, seed) => {
          const samples = indices.map((i) => permute(i, size, seed, 1))
          expect(new Set(samples).size).toBe(indices.length)
          expect(samples.every((i) => i >= 0 && i < size)).toBe(true)
        },
      ),
    )
  })

  it('is the same from keys computed once as from seed and epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), uint32, uint32, (size, seed, epoch) => {
        const keys = new Uint32Array(ROUND_KEYS)
        writeRoundKeys(keys, seed, epoch)
        const order = dataOrder(size, seed, epoch)
        for (let i = 0; i < size; i++) {
          expect(permuteWithKeys(i, size, keys)).toBe(permute(i, size, seed, epoch))
          expect(order(i)).toBe(permute(i, size, seed, epoch))
        }
      }),
    )
  })

  it('differs between epochs and between seeds', () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      for (let epoch = 0; epoch < 20; epoch++) orders.add(orderList(50, seed, epoch).join())
    }
    expect(orders.size).toBe(400)
  })

  // Sum over cells of (observed - expected)^2 / expected; with k cells its mean is k - 1 and its variance 2 (k - 1).
  // Five standard deviations above the mean are passed by chance about once in a million.
  const limit = (cells: number): number => cells - 1 + 5 * Math.sqrt(2 * (cells - 1))

  it.each([3, 5, 10, 16, 100])('puts each of %i samples first about equally often', (size) => {
    const draws = 400 * size
    const counts = new Float64Array(size)
    for (let epoch = 0; epoch < draws; epoch++) counts[permute(0, size, 12345, epoch)]!++
    const chiSquare = counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0)
    expect(chiSquare).toBeLessThan(limit(size))
    expect(chiSquare).toBeGreaterThan(0)
  })

  it.each([
    [8, 2],
    [32, 2],
    [9, 3],
    [5, 5],
  ])('takes from %i samples each sequence of %i first about equally often', (size, length) => {
    // size * (size - 1) * ... sequences, each expected 100 times.
    const sequences = Array.from({ length }, (_, i) => size - i).reduce((a, b) => a * b)
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 100 * sequences; seed++) {
      const order = dataOrder(size, seed, 0)
      const sequence = Array.from({ length }, (_, i) => order(i)).join()
      counts.set(sequence, (counts.get(sequence) ?? 0) + 1)
    }
    expect(counts.size).toBe(sequences)
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)
    expect(chiSquare).toBeLessThan(limit(sequences))
  })
})
