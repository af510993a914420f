/** The matrix product out of the pieces of machine code: cuts it into strips, brings what they read into place, calls them. */
import type { MatrixKernels, Pointer } from '../kernels.ts'
import { Calls } from './calls.ts'
import type { MachineCode } from './code.ts'
import { PackArgument } from './pack.ts'
import { Argument, mostRows } from './strip.ts'
import type { VectorSet } from './vectors.ts'
import { vectorSets } from './vectors.ts'

/** Terms that are worked off before the next strip where b is read as it lies: their part of it stays in the nearest cache. */
const STRETCH = 256
/** Strips that are packed at once: rows of b that lie far apart are slow to come by, however much is read of each. */
export const STRIPS = 2
/** Rows of a that are turned at once, and terms of each: for as many the scratch has room, behind what is packed. */
const [TURNED_ROWS, TURNED_TERMS] = [192, 512]
/** Elements from one to the next then: an odd number of lines, so that no two of them lie in the same place of a cache. */
const turnedLd = (terms: number): number => 16 * (Math.ceil(terms / 16) | 1)

/** Puts what makes up a product on the list of calls. */
type Way = MatrixKernels['matmul']

/** Elements of b for a stretch of a strip. */
export const stripElements = (set: VectorSet): number => set.stretch * set.mostVectors * set.lanes

/** Vectors of a strip: as many as there may be, but one less where that many rows fit into registers at once. */
function vectorsFor(set: VectorSet, rows: number): number {
  const most = set.mostVectors
  return rows > mostRows(set, most) && rows <= mostRows(set, most - 1) ? most - 1 : most
}

/**
 * @param wasm turns what is no multiple of a vector, and knows what a product without terms is
 * @param floats the arena's view; `scratch`: elements of it that nobody else uses meanwhile, `scratchElements` of them
 */
export function productOf(
  code: MachineCode,
  wasm: MatrixKernels,
  floats: Float32Array,
  scratch: Pointer,
): MatrixKernels['matmul'] {
  const set = vectorSets.find(({ name }) => name === code.set)!
  const { lanes } = set
  const calls = new Calls(code.first, floats)
  const told = calls.arguments

  /** `terms` rows of b to rows of `vectors` vectors. */
  const copy = (piece: number, vectors: number, terms: number, part: number, b: Pointer, ldb: number) => {
    const at = calls.add(piece)
    told[at + PackArgument.from] = b
    told[at + PackArgument.fromRow] = ldb
    told[at + PackArgument.to] = scratch
    told[at + PackArgument.toRow] = vectors * lanes
    told[at + PackArgument.count] = terms
    told[at + PackArgument.part] = part
  }

  /** `rows` rows of `length` elements become columns: element t of row j goes to t * toRow + j, with room for a square. */
  const turn = (rows: number, length: number, from: Pointer, fromRow: number, to: Pointer, toRow: number) => {
    const whole = rows - (rows % lanes)
    const count = Math.ceil(length / lanes) - 1
    const part = set.part(length - lanes * count)
    if (whole < rows) {
      calls.run()
      wasm.transpose(rows - whole, length, from + whole * fromRow, fromRow, to + whole, toRow)
    }
    if (whole === 0) return
    const at = calls.add(code.turn)
    told[at + PackArgument.from] = from
    told[at + PackArgument.fromRow] = fromRow
    told[at + PackArgument.to] = to
    told[at + PackArgument.toRow] = toRow
    told[at + PackArgument.count] = count
    told[at + PackArgument.part] = part
    told[at + PackArgument.groups] = whole / lanes
  }

  const multiply: Way = (transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) => {
    const isPacked = transB || set.packs(m, ldb)
    const most = vectorsFor(set, m)
    const stretch = isPacked ? set.stretch : STRETCH
    for (let col = 0; col < n;) {
      const left = Math.ceil((n - col) / lanes)
      const strips = isPacked && !transB && most === set.mostVectors && n - col >= STRIPS * most * lanes ? STRIPS : 1
      const vectors = strips > 1 ? most : Math.ceil(left / Math.ceil(left / most))
      const width = vectors * lanes
      const cols = Math.min(width, n - col)
      const part = set.part(cols - width + lanes)
      for (let term = 0; term < k; term += stretch) {
        const terms = Math.min(stretch, k - term)
        const from = transB ? b + col * ldb + term : b + term * ldb + col
        if (transB) turn(cols, terms, from, ldb, scratch, width)
        else if (isPacked) copy(strips > 1 ? code.wideCopy : code.copies[vectors - 1]!, vectors, terms, part, from, ldb)
        for (let strip = 0; strip < strips; strip++) {
          const at = calls.add((accumulate || term > 0 ? code.adding : code.strips)[vectors - 1]!)
          told[at + Argument.a] = a + (transA ? term * lda : term)
          told[at + Argument.aRow] = transA ? 1 : lda
          told[at + Argument.aTerm] = transA ? lda : 1
          told[at + Argument.b] = isPacked ? scratch + strip * stripElements(set) : from
          told[at + Argument.bTerm] = isPacked ? width : ldb
          told[at + Argument.c] = c + col + strip * width
          told[at + Argument.cRow] = ldc
          told[at + Argument.rows] = m
          told[at + Argument.terms] = terms
          told[at + Argument.part] = part
        }
      }
      col += strips * width
    }
  }

  /** Elements, behind where b is packed. */
  const turned = scratch + STRIPS * stripElements(set)

  /** The same with `a` turned part by part. */
  const multiplyTurned: Way = (_, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) => {
    for (let row = 0; row < m; row += TURNED_ROWS) {
      const rows = Math.min(TURNED_ROWS, m - row)
      for (let term = 0; term < k; term += TURNED_TERMS) {
        const terms = Math.min(TURNED_TERMS, k - term)
        const ld = turnedLd(terms)
        const from = b + (transB ? term : term * ldb)
        const [to, adds] = [c + row * ldc, accumulate || term > 0]
        turn(terms, rows, a + term * lda + row, lda, turned, ld)
        multiply(false, transB, rows, n, terms, turned, ld, from, ldb, to, ldc, adds)
      }
    }
  }

  /** a times a transposed b as b times a transposed a: few rows of a are turned, and of c, not all of b. */
  const multiplyAside: Way = (_transA, _transB, m, n, k, a, lda, b, ldb, c, ldc) => {
    const most = Math.floor((TURNED_ROWS * turnedLd(TURNED_TERMS)) / m / lanes) * lanes
    for (let col = 0; col < n; col += most) {
      const cols = Math.min(most, n - col)
      multiply(false, true, cols, m, k, b + col * ldb, ldb, a, lda, turned, m, false)
      turn(cols, m, turned, m, c + col, ldc)
    }
  }

  return (transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) => {
    if (m === 0 || n === 0) return
    if (k === 0) return wasm.matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    // Of squares that are not whole, some would be written beside c. Where half as much is turned: with AVX2, 16 x 256 x 256
    // 88 GFLOP/s instead of 71, 64 x 256 x 2048 90 instead of 86; but 74 instead of 81 of 64 x 64 x 64, where it is twice as much.
    const isWhole = m % lanes === 0 && n % lanes === 0
    const isAside = transB && !transA && !accumulate && isWhole && 2 * m * (k + n) <= k * n
    const isTurned = transA && set.turns(Math.min(TURNED_TERMS, k), lda, n)
    const way = isAside ? multiplyAside : isTurned ? multiplyTurned : multiply
    way(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    calls.run()
  }
}
