import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipCoefficient } from '../../src/gradient/coefficient.ts'
import { clipGradNorm_ } from '../../src/gradient/clip.ts'
import { getTotalNorm } from '../../src/gradient/norm.ts'
import { allReduce_, allReduceMean, reduceTree } from '../../src/gradient/reduce.ts'
import { bits, copy, cosine, difference, length2, nonFinite, normals, shards, stream, times } from './generators.ts'

const both: [string, (list: Float32Array[]) => Float32Array][] = [
  ['allReduceMean', (list) => allReduceMean(list)],
  ['reduceTree', (list) => reduceTree(list)],
]

describe.each(both)('%s', (_, reduce) => {
  test('of one shard is that shard, bitwise', () => {
    fc.assert(
      fc.property(shards(1, 1), (list) => {
        expect(bits([reduce(list)])).toEqual(bits(list))
      }),
    )
  })

  test('leaves the shards alone', () => {
    fc.assert(
      fc.property(shards(1, 9), (list) => {
        const before = bits(list)
        reduce(list)
        expect(bits(list)).toEqual(before)
      }),
      { numRuns: 30 },
    )
  })

  test('scales with powers of two, bitwise, and changes sign with its input', () => {
    fc.assert(
      fc.property(shards(1, 9), fc.integer({ min: -30, max: 30 }), (list, k) => {
        const reduced = reduce(list)
        expect(bits([reduce(times(list, 2 ** k))])).toEqual(bits(times([reduced], 2 ** k)))
        // x + -x is +0 for either sign, so zeros are compared as equal.
        const negated = reduce(times(list, -1))
        expect(negated.every((x, i) => x === -reduced[i]!)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('carries a non-finite element of any shard to that index, and to no other', () => {
    fc.assert(
      fc.property(
        shards(2, 9),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        nonFinite,
        nonFinite,
        (list, k, other, i, first, second) => {
          const index = i % list[0]!.length
          list[other % list.length]![index] = second
          list[k % list.length]![index] = first
          const reduced = reduce(list)
          reduced.forEach((x, at) => expect(Number.isFinite(x)).toBe(at !== index))
          expect(getTotalNorm(reduced)).not.toSatisfy(Number.isFinite) // so everyone skips
        },
      ),
      { numRuns: 100 },
    )
  })

  test('refuses shards of different lengths, and none at all', () => {
    expect(() => reduce([new Float32Array(3), new Float32Array(4)])).toThrow(/3 elements, got 4 from shard 1/)
    expect(() => reduce([])).toThrow(/at least one gradient/)
  })
})

/** Integers with |g| <= 2^24 / K: every partial sum is an integer below 2^24, exact in float32 as well. */
const integerShards = fc
  .tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 20 }), fc.nat())
  .map(([count, length, seed]) => {
    const next = stream(seed)
    const largest = Math.floor(2 ** 24 / count)
    return Array.from({ length: count }, () =>
      Float32Array.from({ length }, () => Math.round((2 * next() - 1) * largest)),
    )
  })
const exactSum = (list: Float32Array[], i: number) => list.reduce((total, g) => total + g[i]!, 0)

describe('reduceTree, in float32', () => {
  test('is exact for integers', () => {
    fc.assert(
      fc.property(integerShards, (list) => {
        expect(reduceTree(list).every((x, i) => x === exactSum(list, i))).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('adds in the fixed tree, not from left to right', () => {
    // 2^24 + 1 rounds back to 2^24. Tree: (2^24 + 1) + (1 + 1) = 2^24 + 2. Left to right: 2^24.
    const lanes = [2 ** 24, 1, 1, 1].map((x) => Float32Array.of(x))
    expect(reduceTree(lanes)[0]).toBe(2 ** 24 + 2)
    // Five lanes: the fifth joins last, ((a + b) + (c + d)) + e = (2^24 + 2) + 1, a tie that rounds to the even 2^24 + 4.
    expect(reduceTree([...lanes, Float32Array.of(1)])[0]).toBe(2 ** 24 + 4)
  })
})

describe('allReduceMean, in float64', () => {
  test('of K equal gradients is that gradient, bitwise, for any K', () => {
    fc.assert(
      fc.property(shards(1, 1, 20), fc.integer({ min: 1, max: 300 }), ([g], count) => {
        expect(bits([allReduceMean(Array.from({ length: count }, () => g!))])).toEqual(bits([g!]))
      }),
      { numRuns: 100 },
    )
  })

  test('does not depend on the order of the shards where their exponents lie within 29 - log2(K) bits', () => {
    // 16 shards within 2^+-6 of each other, of elements that are multiples of 2^-10 times the scale: 24 + 16 bits at most.
    const close = shards(2, 16, 0).chain((list) =>
      fc
        .array(fc.integer({ min: -6, max: 6 }), { minLength: list.length, maxLength: list.length })
        .map((powers) => list.map((g, k) => g.map((x) => roundTo(x, list) * 2 ** powers[k]!))),
    )
    fc.assert(
      fc.property(
        close.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(Array.from(allReduceMean(shuffled))).toEqual(Array.from(allReduceMean(list)))
        },
      ),
      { numRuns: 100 },
    )
  })

  test('in any order stays within one ulp32 and the rounding of the double sum', () => {
    const shuffledPair = shards(2, 16, 40).chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(shuffledPair, ([list, shuffled]) => {
        const a = allReduceMean(list)
        const b = allReduceMean(shuffled)
        const excess = a.map((x, i) => {
          const magnitude = list.reduce((total, g) => total + Math.abs(g[i]!), 0) / list.length
          return Math.abs(x - b[i]!) - (2 ** -23 * Math.abs(x) + 2 * list.length * 2 ** -53 * magnitude)
        })
        expect(Math.max(...excess)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 100 },
    )
  })

  test('is exact for integers: the sum always, the mean for K a power of two', () => {
    fc.assert(
      fc.property(integerShards, (list) => {
        const sum = allReduceMean(list, [1, ...list.slice(1).map(() => 1e-300)]) // divides by 1
        expect(sum.every((x, i) => x === exactSum(list, i))).toBe(true)
        if (!Number.isInteger(Math.log2(list.length))) return
        expect(allReduceMean(list).every((x, i) => x === exactSum(list, i) / list.length)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  test('of any sharding is the gradient of the full batch, uneven and empty shards included', () => {
    const batch = fc.record({
      seed: fc.nat(),
      rows: fc.integer({ min: 1, max: 64 }),
      workers: fc.integer({ min: 1, max: 12 }),
      weighted: fc.boolean(),
    })
    fc.assert(
      fc.property(batch, ({ seed, rows, workers, weighted }) => {
        const samples = leastSquares(seed, rows, weighted)
        const next = stream(seed + 1)
        const parts: (typeof samples)[] = Array.from({ length: workers }, () => [])
        for (const sample of samples) parts[Math.floor(next() * workers)]!.push(sample)
        const full = shardSum(samples)
        const sharded = parts.map(shardSum)
        // An empty shard's buffer may hold anything.
        for (const shard of sharded) if (shard.weight === 0) shard.sum.fill(NaN)

        const meanOfOne = allReduceMean([full.sum], [full.weight])
        const meanOfAll = allReduceMean(
          sharded.map((shard) => shard.sum),
          sharded.map((shard) => shard.weight),
        )
        const largest = Math.max(...samples.flatMap((sample) => Array.from(sample.gradient, Math.abs)))
        const tolerance = 1e-5 * length2(meanOfOne) + 1e-7 * largest
        expect(length2(difference(meanOfAll, meanOfOne))).toBeLessThanOrEqual(tolerance * Math.sqrt(meanOfOne.length))
      }),
      { numRuns: 150 },
    )
  })

  test('skips a shard of weight 0 altogether: the bits are those without it', () => {
    fc.assert(
      fc.property(shards(2, 9), fc.nat(), (list, k) => {
        const empty = k % list.length
        const weights = list.map((_, i) => (i === empty ? 0 : i + 1))
        const without = allReduceMean(list.toSpliced(empty, 1), weights.toSpliced(empty, 1))
        list[empty]!.fill(NaN)
        expect(bits([allReduceMean(list, weights)])).toEqual(bits([without]))
      }),
      { numRuns: 60 },
    )
  })

  test('in place leaves the same bits with every worker', () => {
    fc.assert(
      fc.property(shards(1, 9), (list) => {
        const mean = bits([allReduceMean(list)])[0]
        const replicas = copy(list)
        allReduce_(replicas)
        for (const replica of bits(replicas)) expect(replica).toEqual(mean)
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    [[1, 2, 3], /2 weights.*got 3/],
    [[1, -1], /weight 1 .*got `-1`/],
    [[1, NaN], /weight 1 .*got `NaN`/],
    [[0, 0], /add up to a finite number > 0, got `0`/],
  ])('refuses the weights %s', (weights, message) => {
    expect(() => allReduceMean([new Float32Array(2), new Float32Array(2)], weights)).toThrow(message)
  })
})

describe('clipping after the reduction', () => {
  test('is parallel to the mean gradient', () => {
    fc.assert(
      fc.property(shards(2, 8), fc.double({ min: 1e-3, max: 2, noNaN: true }), (list, factor) => {
        const mean = allReduceMean(list)
        fc.pre(length2(mean) > 0)
        const result = mean.slice()
        clipGradNorm_(result, getTotalNorm(mean) * factor)
        expect(cosine(result, mean)).toBeGreaterThanOrEqual(1 - 1e-10)
      }),
      { numRuns: 100 },
    )
  })

  test('is not the same as before it, where workers are unequal', () => {
    // Means of (30, 0) and (0, 1): (15, 0.5) after; each clipped to 1 first: (0.5, 0.5), another direction.
    const list = [Float32Array.of(30, 0), Float32Array.of(0, 1)]
    const after = allReduceMean(list)
    clipGradNorm_(after, 1)
    for (const g of list) clipGradNorm_(g, 1)
    const before = allReduceMean(list)
    expect(cosine(after, allReduceMean([Float32Array.of(30, 0), Float32Array.of(0, 1)]))).toBeGreaterThan(1 - 1e-10)
    expect(cosine(before, after)).toBeLessThan(0.75)
  })
})

test('a loss scaled by 2^k goes through reduction, norm and clipping as 2^k times the gradient, bitwise', () => {
  fc.assert(
    fc.property(shards(1, 8), fc.integer({ min: -30, max: 30 }), (list, k) => {
      const mean = allReduceMean(list)
      const scaled = allReduceMean(times(list, 2 ** k))
      expect(bits([scaled])).toEqual(bits(times([mean], 2 ** k)))
      const maxNorm = getTotalNorm(mean) / 3 || 1
      expect(getTotalNorm(scaled)).toBe(getTotalNorm(mean) * 2 ** k)
      expect(clipCoefficient(getTotalNorm(scaled), maxNorm * 2 ** k)).toBe(clipCoefficient(getTotalNorm(mean), maxNorm))
    }),
    { numRuns: 100 },
  )
})

/** x on a grid of 2^-16 of the largest element, so that few bits are in use. */
function roundTo(x: number, list: readonly Float32Array[]): number {
  const largest = Math.max(2 ** -100, ...list.map((g) => Math.max(...g.map(Math.abs))))
  const grid = 2 ** (Math.floor(Math.log2(largest)) - 16)
  return Math.round(x / grid) * grid
}

/** Per-sample gradients of w (x . theta - y)^2 / 2 at a random theta. */
function leastSquares(seed: number, rows: number, weighted: boolean) {
  const normal = normals(seed)
  const theta = Array.from({ length: 5 }, normal)
  return Array.from({ length: rows }, () => {
    const x = Array.from({ length: 5 }, normal)
    const residual = x.reduce((total, value, i) => total + value * theta[i]!, 0) - normal()
    const weight = weighted ? Math.abs(normal()) + 0.1 : 1
    return { weight, gradient: Float64Array.from(x, (value) => residual * value) }
  })
}

function shardSum(samples: ReturnType<typeof leastSquares>) {
  const sum = new Float64Array(5)
  for (const { weight, gradient } of samples) gradient.forEach((g, i) => (sum[i]! += weight * g))
  return { sum: Float32Array.from(sum), weight: samples.reduce((total, sample) => total + sample.weight, 0) }
}
