/** Vectors of floats as processors have them, and what is measured of products by them. */

/** What a processor has. */
export interface VectorSet {
  readonly name: 'AVX-512' | 'AVX2'
  /** What the system must say of the processor, in the words of Linux's `/proc/cpuinfo`. */
  readonly flags: readonly string[]
  /** Floats of a vector. */
  readonly lanes: number
  readonly registers: number
  /** Vectors of a strip at the most, and registers for its sums. */
  readonly mostVectors: number
  readonly sums: number
  /** Whether a part of a vector is read as fast as the whole. */
  readonly partsAreFree: boolean
  /** What is told of a vector's first `columns` elements. */
  readonly part: (columns: number) => number
  /** Whether b is packed before `rows` rows of a are multiplied with it; its rows lie `ld` elements apart. */
  readonly packs: (rows: number, ld: number) => boolean
  /** Terms that are worked off before the next strip where b is packed: their part of it stays in the second-level cache. */
  readonly stretch: number
  /** Whether a transposed a, with `terms` rows that lie so far apart, is turned before `columns` columns of b are. */
  readonly turns: (terms: number, ld: number, columns: number) => boolean
}

/** The nearest cache, of most processors: places where a line can be, and how far apart addresses are that share them. */
const [WAYS, WAY_BYTES] = [8, 4096]

/** Bytes that a term of a strip brings there: a line of a transposed a, and its row of b. */
const TERM_BYTES = 64 + 96

/** Bytes from a row to the next as far as those places go: the power of two in it. */
const steps = (ld: number): number => Math.min(WAY_BYTES, 4 * (ld & -ld))

export const AVX512: VectorSet = {
  name: 'AVX-512',
  flags: ['avx512f'],
  lanes: 16,
  registers: 32,
  mostVectors: 4,
  sums: 24,
  partsAreFree: true,
  // A bit for each.
  part: (columns) => 2 ** columns - 1,
  // Measured with rows of 64 to 1024 elements: packing costs as much as reading them for some rows of a.
  packs: (rows, ld) => rows >= 24 && ld > 128,
  stretch: 256,
  turns: () => false,
}

export const AVX2: VectorSet = {
  name: 'AVX2',
  flags: ['avx2', 'fma'],
  lanes: 8,
  registers: 16,
  mostVectors: 3,
  sums: 12,
  partsAreFree: false,
  // How many are missing: so far from the beginning of `PARTS`.
  part: (columns) => 8 - columns,
  // On Zen 3, rows that drive each other out of the cache are slow to read: with 64 rows of a, 41 GFLOP/s instead of 82
  // of 1024 elements each, 74 instead of 88 of 512, but 97 instead of 93 of 784. With 256 rows of a it is 88 instead of 93 of 784.
  packs: (rows, ld) => rows >= 192 || rows * steps(ld) >= 12 * WAY_BYTES,
  // On Zen 3, GFLOP/s of 512 x 2048 x 2048 in tiles of 256 x 256, by so many: 256 86, 512 89, 768 90, 1024 91; of a turned b
  // 88, 92, 93, 94.
  stretch: 1024,
  // There too: 86 instead of 68 GFLOP/s of 128 x 128 x 512. Of 192 x 256 with rows of 784: 70 instead of 93 of 256 terms, 87
  // instead of 93 of 128; of 192 x 128, 79 instead of 90 of 256 terms, but 92 instead of 89 of 128. Of 64 x 64 with rows of
  // 64, 76 instead of 82 of 128 terms.
  turns: (terms, ld, columns) =>
    columns >= 64 && (columns >= 256 || terms * Math.max(steps(ld), TERM_BYTES) >= WAYS * WAY_BYTES),
}

/** The widest first. */
export const vectorSets = [AVX512, AVX2] as const
