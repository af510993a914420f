/** Gradients for property tests: both zeros, subnormals, scales of 2^+-40, ragged lists. */
import fc from 'fast-check'

/** A small deterministic stream of numbers in [0, 1) (mulberry32). */
export function stream(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal numbers from a stream (Box and Muller). */
export function normals(seed: number): () => number {
  const uniform = stream(seed)
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

function fill(length: number, seed: number, exponent: number, spread: number, subnormals: boolean): Float32Array {
  const next = stream(seed)
  return Float32Array.from({ length }, () => {
    const kind = next()
    if (kind < 0.05) return 0
    if (kind < 0.1) return -0
    if (kind < 0.15 && subnormals) return (next() - 0.5) * 2 ** -127
    return (2 * next() - 1) * 2 ** (exponent + spread * (next() - 0.5))
  })
}

const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const exponent = fc.integer({ min: -40, max: 40 })
const spread = fc.constantFrom(0, 4, 20)
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 41, max: 5000 }) },
)

/** Numbers evenly over a range: `fc.double` draws evenly from the float64 there are, and half of them lie within 1e-150 of 0. */
export const evenly = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1e6 }).map((i) => min + ((max - min) * i) / 1e6)

/** One gradient, subnormals among its elements. */
export const gradient = fc
  .tuple(length, seed, exponent, spread)
  .map(([length, seed, exponent, spread]) => fill(length, seed, exponent, spread, true))

/** One gradient whose elements are zeros or far from the ends of float32's range. */
export const normalGradient = fc
  .tuple(length, seed, exponent, spread)
  .map(([length, seed, exponent, spread]) => fill(length, seed, exponent, spread, false))

export const gradients = fc.array(gradient, { maxLength: 4 })
export const normalGradients = fc.array(normalGradient, { maxLength: 4 })

/** `count` gradients of one length, each of its own scale within 2^+-`apart`. */
export const shards = (minCount: number, maxCount: number, apart = 6, maxLength = 60) =>
  fc
    .tuple(
      fc.integer({ min: minCount, max: maxCount }),
      fc.integer({ min: 1, max: maxLength }),
      seed,
      exponent,
      fc.integer({ min: 0, max: apart }),
    )
    .map(([count, length, seed, exponent, apart]) =>
      Array.from({ length: count }, (_, k) => fill(length, seed + 7919 * k, exponent, apart, false)),
    )

/** Two gradients of the same length. */
export const pair = shards(2, 2).map(([a, b]) => [a!, b!] as const)

export const copy = (list: readonly Float32Array[]): Float32Array[] => list.map((data) => data.slice())

export const bits = (list: readonly Float32Array[]): number[][] =>
  list.map((data) => Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length)))

export const concatenate = (list: readonly Float32Array[]): Float32Array =>
  Float32Array.from(list.flatMap((data) => Array.from(data)))

export const times = (list: readonly Float32Array[], factor: number): Float32Array[] =>
  list.map((data) => data.map((x) => x * factor))

/** Plain float64 arithmetic, left to right. */
export const length2 = (x: ArrayLike<number>): number => Math.sqrt(dot(x, x))

export function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}

export const difference = (x: ArrayLike<number>, y: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: x.length }, (_, i) => x[i]! - y[i]!)

export const cosine = (x: ArrayLike<number>, y: ArrayLike<number>): number => dot(x, y) / (length2(x) * length2(y))

export const nonFinite = fc.constantFrom(NaN, Infinity, -Infinity)
