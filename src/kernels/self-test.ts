/** Whether what was found or written at run time does what it should. */
import type { MatrixKernels, OptimizerKernels, Pointer } from './kernels.ts'
import { createReference } from './reference.ts'

interface Sizes {
  readonly m: number
  readonly n: number
  readonly k: number
  /** Elements from a row to the next, of all three matrices. */
  readonly ld: number
}

/**
 * Products of all orientations beside the reference's, NaN and accumulation included.
 * @param productOn such numbers; `free`: the first of `spare` elements that are nobody's
 * @returns what was wrong, if anything
 */
export function selfTest(
  { m, n, k, ld }: Sizes,
  productOn: (floats: Float32Array, free: Pointer) => MatrixKernels['matmul'],
  spare = 0,
): string | undefined {
  const a = 0
  const b = a + Math.max(m, k) * ld
  const c = b + Math.max(k, n) * ld
  const free = c + m * ld
  const start = new Float32Array(free + spare)
  const numbers = Float32Array.from({ length: 1009 }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5)
  for (let at = 0; at < free; at += numbers.length) start.set(numbers.subarray(0, free - at), at)
  for (const [transA, transB, accumulate, poison] of [
    [false, false, false, 0.5],
    [true, false, true, 0.25],
    [false, true, true, 0.75],
    [false, false, false, NaN],
  ] as const) {
    const actual = start.slice()
    actual[a] = poison
    const expected = actual.slice()
    productOn(actual, free)(transA, transB, m, n, k, a, ld, b, ld, c, ld, accumulate)
    createReference(expected).matmul(transA, transB, m, n, k, a, ld, b, ld, c, ld, accumulate)
    for (let i = 0; i < m * n; i++) {
      const at = c + Math.floor(i / n) * ld + (i % n)
      const isSame = Math.abs(actual[at]! - expected[at]!) < 1e-5 || Object.is(actual[at], expected[at])
      if (!isSame) return 'its matrix product failed the self-test'
      actual[at] = expected[at]!
    }
    const [left, right] = [actual, expected].map((floats) => Buffer.from(floats.buffer, 0, 4 * free))
    if (!left!.equals(right!)) return 'its matrix product wrote beside the result'
  }
  return undefined
}

/** Elements of an update: whole vectors of any width, and a part of one. */
const COUNT = 39

/**
 * Two updates beside the reference's, to the bit: with decoupled decay, clamped.
 * @param updateOn such numbers; `free`: the first of `spare` elements that are nobody's
 * @returns what was wrong, if anything
 */
export function selfTestAdam(
  updateOn: (floats: Float32Array, free: Pointer) => OptimizerKernels['adam'],
  spare: number,
): string | undefined {
  const free = 4 * COUNT
  const expected = new Float32Array(free + spare)
  for (let i = 0; i < free; i++) expected[i] = ((i * 7919) % 1009) / 1009 - (i < 3 * COUNT ? 0.5 : 0)
  const actual = expected.slice()
  const twice = (adam: OptimizerKernels['adam']) =>
    [0.1, 0.19].map((correction) =>
      adam(COUNT, 0, COUNT, 2 * COUNT, 3 * COUNT, 0.9, 0.4, 0.01, 0.9, 0.999, 1e-8, 0.1, true, correction, 0.01),
    )
  const [largest, known] = [twice(updateOn(actual, free)), twice(createReference(expected).adam)]
  const [own, right] = [actual, expected].map((floats) => Buffer.from(floats.buffer, 0, 4 * free))
  const isRight = own!.equals(right!) && largest.every((size, i) => size === known[i])
  return isRight ? undefined : 'its update of Adam failed the self-test'
}
