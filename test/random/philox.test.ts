import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalAt, uniformAt } from '../../src/random/normal.ts'
import { philox, uniform01 } from '../../src/random/philox.ts'

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('philox4x32-10', () => {
  // tests/kat_vectors of Random123: counter, key, result.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the published words of counter %j under key %j', (counter, key, expected) => {
    const out = new Uint32Array(4)
    philox(out, counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!)
    expect(Array.from(out)).toEqual(expected)
  })

  test('equals the definition in exact integers for any counter and key', () => {
    const exact = (counter: number[], key: number[]): number[] => {
      let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
      let [k0, k1] = key.map(BigInt) as [bigint, bigint]
      for (let round = 0; round < 10; round++) {
        const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2]
        ;[c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & 0xffffffffn, (p0 >> 32n) ^ c3 ^ k1, p0 & 0xffffffffn]
        ;[k0, k1] = [(k0 + 0x9e3779b9n) & 0xffffffffn, (k1 + 0xbb67ae85n) & 0xffffffffn]
      }
      return [c0, c1, c2, c3].map(Number)
    }
    const out = new Uint32Array(4)
    fc.assert(
      fc.property(fc.tuple(uint32, uint32, uint32, uint32), fc.tuple(uint32, uint32), (counter, key) => {
        philox(out, ...counter, ...key)
        expect(Array.from(out)).toEqual(exact(counter, key))
      }),
    )
  })
})

test('uniform01 covers [0, 1) in steps of 2^-32', () => {
  expect([0, 2 ** 31, 2 ** 32 - 1, -1].map(uniform01)).toEqual([0, 0.5, 1 - 2 ** -32, 1 - 2 ** -32])
})

describe('numbers by position', () => {
  test('are the same whenever they are asked for, and differ between seeds, streams and far indices', () => {
    fc.assert(
      fc.property(uint32, uint32, fc.maxSafeNat(), (seed, stream, index) => {
        for (const at of [uniformAt, normalAt]) {
          const value = at(seed, stream, index)
          at(seed, stream, index + 1)
          expect(at(seed, stream, index)).toBe(value)
        }
        const draws = [
          normalAt(seed, stream, index),
          normalAt(seed ^ 1, stream, index),
          normalAt(seed, stream ^ 1, index),
        ]
        draws.push(normalAt(seed, stream, (index + 2 ** 32) % Number.MAX_SAFE_INTEGER))
        expect(new Set(draws).size).toBe(4)
      }),
    )
  })

  test('have the moments of their distributions', () => {
    const n = 40_000
    const moments = (at: typeof normalAt) => {
      const values = Array.from({ length: n }, (_, i) => at(12, 3, i))
      const mean = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / n
      return [mean(1), mean(2), mean(3), mean(4)]
    }
    // Five standard errors, sqrt(var(x^k) / n): normal 1, 2, 15, 96; uniform 1/12, 4/45, 9/112, 16/225.
    const normal = moments(normalAt)
    ;[0, 1, 0, 3].forEach((moment, i) =>
      expect(Math.abs(normal[i]! - moment)).toBeLessThan(5 * Math.sqrt([1, 2, 15, 96][i]! / n)),
    )
    const uniform = moments(uniformAt)
    ;[1 / 2, 1 / 3, 1 / 4, 1 / 5].forEach((moment, i) =>
      expect(Math.abs(uniform[i]! - moment)).toBeLessThan(5 * Math.sqrt([1 / 12, 4 / 45, 9 / 112, 16 / 225][i]! / n)),
    )
  })
})
