/**
 * Writes the register tiles of the matrix product: C tile (+)= A rows x B panel, k steps in order, everything in registers.
 * AssemblyScript has no arrays of registers, and the tiles differ in nothing but how many there are: `build.ts` puts
 * them beside the sources that use them.
 */

/** Rows of each tile. Two roundings need one register more than a fused one: `kernels-strict` goes without the tallest. */
const HEIGHTS = [4, 5, 6]
/** Vectors of four beside each other: sums of 6 x 2 vectors, 2 of B and 1 of A are the 15 registers that x64 has to give. */
const WIDTHS = [2, 4]

const HEAD = `/**
 * Register tiles of the matrix product, written by src/kernels/tiles.ts.
 *
 * \`a\`: address of the first row, rows \`lda\` bytes apart; a tile of fewer rows than its kernel reads the last one again.
 * \`b\`: address of the first of k runs as wide as the tile, \`ldb\` bytes apart. \`c\`: as many rows as the kernel has, \`ldc\`
 * bytes apart, all written. \`kept\`: -1 to start from C, 0 to start from +0; a mask, since the compiler joins no vectors from
 * before a branch and behind it. The loops are not unrolled: it would then chain what should run side by side.
 */
import { multiplyAdd } from './vector'
`

const list = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

function tile(height: number, width: number): string {
  const [rows, vectors] = [list(height), list(width)]
  const each = (line: (row: number, vector: number) => string) => rows.map((r) => vectors.map((v) => line(r, v)))
  return [
    `/** ${height} rows x ${4 * width} columns. */`,
    `export function tile${height}x${4 * width}(`,
    '  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,',
    '): void {',
    '  const last = rows - 1',
    '  const mask = i32x4.splat(kept)',
    ...rows.map((r) => (r === 0 ? '  let a0 = a' : `  let a${r} = a${r - 1} + (last >= ${r} ? lda : 0)`)),
    ...rows.map((r) => (r === 0 ? '  const c0 = c' : `  const c${r} = c${r - 1} + ldc`)),
    ...each((r, v) => `  let s${r}${v} = v128.and(v128.load(c${r}, ${16 * v}), mask)`).flat(),
    '  for (; k > 0; k--) {',
    ...vectors.map((v) => `    const b${v} = v128.load(b, ${16 * v})`),
    ...rows.flatMap((r) => [
      `    const x${r} = v128.load32_splat(a${r})`,
      ...vectors.map((v) => `    s${r}${v} = multiplyAdd(x${r}, b${v}, s${r}${v})`),
    ]),
    '    b += ldb',
    ...rows.map((r) => `    a${r} += 4`),
    '  }',
    ...each((r, v) => `  v128.store(c${r}, s${r}${v}, ${16 * v})`).flat(),
    '}',
  ].join('\n')
}

/** The text of assembly/tiles.ts. */
export const tileSource = (): string =>
  [HEAD, ...WIDTHS.flatMap((width) => HEIGHTS.map((height) => `${tile(height, width)}\n`))].join('\n')
