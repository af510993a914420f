/** The matrix product out of the pieces of machine code: cuts it into strips, brings what they read into place, calls them. */
import { loadKoffi } from '../../native/koffi.ts'
import type { MatrixKernels, Pointer } from '../kernels.ts'
import { scratchElements } from '../wasm.ts'
import { PACK_ARGUMENTS, PackArgument, copyOf, turnOf } from './pack.ts'
import { install } from './pages.ts'
import { ARGUMENTS, Argument, LANES, MOST_VECTORS, mostRows, stripOf } from './strip.ts'

/** Addresses of the pieces, which are the same in all threads of the process; by number of vectors where there are several. */
export interface ProductCode {
  readonly strips: readonly number[]
  /** Strips that add to what is there. */
  readonly adding: readonly number[]
  readonly copies: readonly number[]
  readonly turn: number
}

/** Terms that are worked off before the next strip: their part of b, packed, stays in the second-level cache. */
const STRETCH = Math.min(256, scratchElements / (LANES * MOST_VECTORS))
/** Rows of a, at the least, for which b is packed first: that costs as much as reading it for some of them. */
const PACKED_ROWS = 24
/** Elements from a row of b to the next, at the most, of which nothing is packed: they are read as well where they are. */
const NEAR = 128
const ALL_LANES = 2 ** LANES - 1

/** @throws Error where the system lets no memory be executed */
export function installProduct(): ProductCode {
  const each = (of: (vectors: number) => Uint8Array) => Array.from({ length: MOST_VECTORS }, (_, i) => of(i + 1))
  const pieces = [...each((n) => stripOf(n, false)), ...each((n) => stripOf(n, true)), ...each(copyOf), turnOf()]
  const addresses = install(pieces)
  const [strips, adding, copies] = [0, 1, 2].map((i) => addresses.slice(i * MOST_VECTORS, (i + 1) * MOST_VECTORS))
  return { strips: strips!, adding: adding!, copies: copies!, turn: addresses.at(-1)! }
}

/** Vectors of a strip: four, but three where that many rows fit into registers at once. */
function vectorsFor(rows: number): number {
  return rows > mostRows(MOST_VECTORS) && rows <= mostRows(3) ? 3 : MOST_VECTORS
}

/**
 * @param wasm turns what is no multiple of a vector, and knows what a product without terms is
 * @param floats the arena's view; `scratch`: elements of it that nobody else uses meanwhile, `scratchElements` of them
 */
export function productOf(
  code: ProductCode,
  wasm: MatrixKernels,
  floats: Float32Array,
  scratch: Pointer,
): MatrixKernels['matmul'] {
  const { address, call } = caller(floats)
  const calls = (addresses: readonly number[]) => addresses.map(call)
  const [strips, adding, copies] = [calls(code.strips), calls(code.adding), calls(code.copies)]
  const turn = call(code.turn)
  const told = integers(ARGUMENTS)
  const packed = integers(PACK_ARGUMENTS)
  const [toldAt, packedAt] = [address(told), address(packed)]

  /** `terms` rows of b, `cols` of each, to rows of `vectors` vectors. */
  const copy = (vectors: number, terms: number, columns: number, b: Pointer, ldb: number) => {
    packed[PackArgument.from] = b
    packed[PackArgument.fromRow] = ldb
    packed[PackArgument.to] = scratch
    packed[PackArgument.toRow] = vectors * LANES
    packed[PackArgument.count] = terms
    packed[PackArgument.columns] = columns
    copies[vectors - 1]!(packedAt)
  }

  /** The same of `cols` rows of a b that lies transposed, `terms` of each. */
  const turnIn = (vectors: number, terms: number, cols: number, b: Pointer, ldb: number) => {
    const width = vectors * LANES
    const [wholeCols, wholeTerms] = [cols - (cols % LANES), terms - (terms % LANES)]
    packed[PackArgument.fromRow] = ldb
    packed[PackArgument.toRow] = width
    packed[PackArgument.count] = wholeTerms / LANES
    for (let col = 0; wholeTerms > 0 && col < wholeCols; col += LANES) {
      packed[PackArgument.from] = b + col * ldb
      packed[PackArgument.to] = scratch + col
      turn(packedAt)
    }
    wasm.transpose(wholeCols, terms - wholeTerms, b + wholeTerms, ldb, scratch + wholeTerms * width, width)
    wasm.transpose(cols - wholeCols, terms, b + wholeCols * ldb, ldb, scratch + wholeCols, width)
  }

  return (transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) => {
    if (m === 0 || n === 0) return
    if (k === 0) return wasm.matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    told[Argument.aRow] = transA ? 1 : lda
    told[Argument.aTerm] = transA ? lda : 1
    told[Argument.cRow] = ldc
    told[Argument.rows] = m
    const isPacked = transB || (m >= PACKED_ROWS && ldb > NEAR)
    const width = LANES * vectorsFor(m)
    for (let col = 0; col < n; col += width) {
      const cols = Math.min(width, n - col)
      const vectors = Math.ceil(cols / LANES)
      const columns = ALL_LANES >> (vectors * LANES - cols)
      told[Argument.c] = c + col
      told[Argument.columns] = columns
      told[Argument.bTerm] = isPacked ? vectors * LANES : ldb
      for (let term = 0; term < k; term += STRETCH) {
        const terms = Math.min(STRETCH, k - term)
        const from = transB ? b + col * ldb + term : b + term * ldb + col
        if (transB) turnIn(vectors, terms, cols, from, ldb)
        else if (isPacked) copy(vectors, terms, columns, from, ldb)
        told[Argument.terms] = terms
        told[Argument.a] = a + (transA ? term * lda : term)
        told[Argument.b] = isPacked ? scratch : from
        const strip = (accumulate || term > 0 ? adding : strips)[vectors - 1]!
        strip(toldAt)
      }
    }
  }
}

/** Integers that stay where they are: a short array without a buffer of its own would move with the heap. */
const integers = (count: number) => new Int32Array(new ArrayBuffer(4 * count))

/** Makes functions of addresses, which take the address of their arguments and know that of `floats`. */
function caller(floats: Float32Array) {
  const koffi = loadKoffi()
  // koffi 3.3 takes the memory of a thread's calls when the thread first loads a library; without it a call ends the process.
  koffi.load(null)
  const prototype = koffi.proto('void', ['uintptr_t', 'uintptr_t'])
  const address = (array: Float32Array | Int32Array) => Number(koffi.address(array))
  const base = address(floats)
  const call = (code: number) => {
    const native = koffi.decode(BigInt(code), prototype) as (base: number, told: number) => void
    return (told: number): void => native(base, told)
  }
  return { address, call }
}
