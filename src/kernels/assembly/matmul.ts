/**
 * Blocked, packed matrix product after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008). K is cut so that a panel of B and a row tile of A stay in the first-level cache, M so that a block of A
 * stays in the second. Each element is summed in the order of k: a later block starts from the C of the former.
 *
 * All sizes are in elements and all leading dimensions in bytes. Scratch: | A block | B strip | C tile |.
 */
import { scratch } from './vector'
import { PANEL, packRows, packTransposed, transpose } from './pack'
import { tile4x16, tile4x8, tile5x16, tile5x8, tile6x16, tile6x8 } from './tiles'

const K_BLOCK: u32 = 400
const M_BLOCK: u32 = 96
/** Rows of the tallest tile: what the registers hold. Two roundings need one more register than a fused one. */
const TILE: u32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5
/** Elements of B that are read where they lie. */
const DIRECT: u32 = 4096
/** Columns of B packed at a time, so that its cache lines are read whole and once. */
const STRIP: u32 = 32

const B_OFFSET: u32 = K_BLOCK * M_BLOCK * 4
const C_OFFSET: u32 = B_OFFSET + K_BLOCK * STRIP * 4
/** Bytes that `setScratch` must point to. */
export const SCRATCH_BYTES: u32 = C_OFFSET + 6 * PANEL * 4

export function matmul(
  transA: bool, transB: bool, m: u32, n: u32, k: u32,
  a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, accumulate: bool,
): void {
  lda <<= 2
  ldb <<= 2
  ldc <<= 2
  if (k == 0 && !accumulate) clear(m, n, c, ldc)
  const kStep = evenBlock(k, K_BLOCK)
  const mStep = evenBlock(m, M_BLOCK)
  for (let k0: u32 = 0; k0 < k; k0 += kStep) {
    const kSize = min(kStep, k - k0)
    const fresh = k0 == 0 && !accumulate
    const bBlock = transB ? b + (k0 << 2) : b + k0 * ldb
    for (let m0: u32 = 0; m0 < m; m0 += mStep) {
      const mSize = min(mStep, m - m0)
      let aBlock = transA ? a + k0 * lda + (m0 << 2) : a + m0 * lda + (k0 << 2)
      let aStep = lda
      if (transA) {
        aStep = kSize << 2
        transpose(kSize, mSize, aBlock, lda, scratch(), aStep)
        aBlock = scratch()
      }
      block(transB, mSize, n, kSize, aBlock, aStep, bBlock, ldb, c + m0 * ldc, ldc, fresh)
    }
  }
}

/** C block (+)= A block x B rows, one strip of columns after another; A is stored by rows. */
function block(
  transB: bool, m: u32, n: u32, k: u32,
  a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool,
): void {
  const packed = scratch() + B_OFFSET
  const panelBytes = k * PANEL << 2
  // A few rows do not pay for packing B, nor does one that stays in the cache as it is; an edge needs it all the same.
  const direct = !transB && (m <= 2 * TILE || k * n <= DIRECT)
  for (let n0: u32 = 0; n0 < n; n0 += STRIP) {
    const size = min(STRIP, n - n0)
    if (transB) packTransposed(size, k, b + n0 * ldb, ldb, packed)
    else if (!direct) packRows(k, size, b + (n0 << 2), ldb, packed)
    for (let col: u32 = 0; col < size; col += PANEL) {
      const cols = min(PANEL, size - col)
      const target = c + ((n0 + col) << 2)
      if (direct && cols == PANEL) {
        panelProduct(m, cols, k, a, lda, b + ((n0 + col) << 2), ldb, target, ldc, fresh)
      } else {
        if (direct) packRows(k, cols, b + ((n0 + col) << 2), ldb, packed)
        const panel = direct ? packed : packed + col / PANEL * panelBytes
        panelProduct(m, cols, k, a, lda, panel, PANEL << 2, target, ldc, fresh)
      }
    }
  }
}

/** Up to PANEL columns of C, in the fewest tiles, as equally tall as they can be. */
function panelProduct(
  m: u32, cols: u32, k: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool,
): void {
  for (let tiles = (m + TILE - 1) / TILE; tiles > 0; tiles--) {
    const rows = (m + tiles - 1) / tiles
    tile(rows, cols, k, a, lda, b, ldb, c, ldc, fresh)
    a += rows * lda
    c += rows * ldc
    m -= rows
  }
}

/** One tile; at an edge through a full one in the scratch. */
function tile(
  rows: u32, cols: u32, k: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool,
): void {
  const width: u32 = cols > 8 ? PANEL : 8
  if (cols == width && rows >= 4) {
    whole(rows, width, k, rows, a, lda, b, ldb, c, ldc, fresh)
    return
  }
  const edge = scratch() + C_OFFSET
  if (!fresh) copyTile(rows, cols, c, ldc, edge, PANEL << 2)
  whole(max<u32>(4, rows), width, k, rows, a, lda, b, ldb, edge, PANEL << 2, fresh)
  copyTile(rows, cols, edge, PANEL << 2, c, ldc)
}

/** `height` x `width`, of which `rows` are there. */
function whole(
  height: u32, width: u32,
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool,
): void {
  const kept = <i32>fresh - 1
  if (PANEL == 16 && width == 16) {
    if (TILE == 6 && height == 6) tile6x16(k, rows, a, lda, b, ldb, c, ldc, kept)
    else if (height == 5) tile5x16(k, rows, a, lda, b, ldb, c, ldc, kept)
    else tile4x16(k, rows, a, lda, b, ldb, c, ldc, kept)
  } else {
    if (TILE == 6 && height == 6) tile6x8(k, rows, a, lda, b, ldb, c, ldc, kept)
    else if (height == 5) tile5x8(k, rows, a, lda, b, ldb, c, ldc, kept)
    else tile4x8(k, rows, a, lda, b, ldb, c, ldc, kept)
  }
}

function copyTile(rows: u32, cols: u32, from: u32, fromStep: u32, to: u32, toStep: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    let byte: u32 = 0
    for (; byte + 16 <= cols << 2; byte += 16) v128.store(to + byte, v128.load(from + byte))
    for (; byte < cols << 2; byte += 4) store<f32>(to + byte, load<f32>(from + byte))
    from += fromStep
    to += toStep
  }
}

function clear(m: u32, n: u32, c: u32, ldc: u32): void {
  for (let row: u32 = 0; row < m; row++) memory.fill(c + row * ldc, 0, n << 2)
}

/** The size of the fewest blocks of at most `limit` that cover `size`, as equal as they can be; a multiple of 4. */
function evenBlock(size: u32, limit: u32): u32 {
  if (size == 0) return 4
  const blocks = (size + limit - 1) / limit
  return ((size + blocks - 1) / blocks + 3) & ~3
}
