/** Dropout by Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). */
import { loadSome, storeSome } from './vector'

const ROUNDS = 10
const FACTOR0: u32 = 0xd2511f53
const FACTOR1: u32 = 0xcd9e8d57
const KEY0: u32 = 0x9e3779b9
const KEY1: u32 = 0xbb67ae85
/** The second half of the key; the first is the seed. */
const OURS: u32 = 0x0d0ff005

/** The four words of a block. */
// @ts-ignore: decorator
@inline
function philox(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): v128 {
  for (let round = 0; round < ROUNDS; round++) {
    const p0 = <u64>c0 * FACTOR0
    const p1 = <u64>c2 * FACTOR1
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0
    c1 = <u32>p1
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1
    c3 = <u32>p0
    k0 += KEY0
    k1 += KEY1
  }
  let words = i32x4.splat(c0)
  words = i32x4.replace_lane(words, 1, c1)
  words = i32x4.replace_lane(words, 2, c2)
  return i32x4.replace_lane(words, 3, c3)
}

// @ts-ignore: decorator
@inline
function giveKept(x: u32, y: u32, divisor: v128, kept: v128, count: u32): void {
  storeSome(y, v128.and(f32x4.div(loadSome(x, count), divisor), kept), count)
}

/** Sixteen elements from four blocks at once: a lane for each block, and at the end a vector. */
function dropout16(
  x: u32, y: u32, limit: v128, divisor: v128, block: u32, row: u32, step: u32, stream: u32, seed: u32,
): void {
  const factor0 = i32x4.splat(FACTOR0)
  const factor1 = i32x4.splat(FACTOR1)
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3))
  let c1 = i32x4.splat(row)
  let c2 = i32x4.splat(step)
  let c3 = i32x4.splat(stream)
  let k0 = i32x4.splat(seed)
  let k1 = i32x4.splat(OURS)
  for (let round = 0; round < ROUNDS; round++) {
    const low0 = i64x2.extmul_low_i32x4_u(c0, factor0)
    const high0 = i64x2.extmul_high_i32x4_u(c0, factor0)
    const low1 = i64x2.extmul_low_i32x4_u(c2, factor1)
    const high1 = i64x2.extmul_high_i32x4_u(c2, factor1)
    c0 = v128.xor(v128.xor(v128.shuffle<i32>(low1, high1, 1, 3, 5, 7), c1), k0)
    c1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6)
    c2 = v128.xor(v128.xor(v128.shuffle<i32>(low0, high0, 1, 3, 5, 7), c3), k1)
    c3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6)
    k0 = i32x4.add(k0, i32x4.splat(KEY0))
    k1 = i32x4.add(k1, i32x4.splat(KEY1))
  }
  const kept0 = i32x4.ge_u(c0, limit)
  const kept1 = i32x4.ge_u(c1, limit)
  const kept2 = i32x4.ge_u(c2, limit)
  const kept3 = i32x4.ge_u(c3, limit)
  const low01 = v128.shuffle<i32>(kept0, kept1, 0, 4, 1, 5)
  const low23 = v128.shuffle<i32>(kept2, kept3, 0, 4, 1, 5)
  const high01 = v128.shuffle<i32>(kept0, kept1, 2, 6, 3, 7)
  const high23 = v128.shuffle<i32>(kept2, kept3, 2, 6, 3, 7)
  giveKept(x, y, divisor, v128.shuffle<i32>(low01, low23, 0, 1, 4, 5), 4)
  giveKept(x + 16, y + 16, divisor, v128.shuffle<i32>(low01, low23, 2, 3, 6, 7), 4)
  giveKept(x + 32, y + 32, divisor, v128.shuffle<i32>(high01, high23, 0, 1, 4, 5), 4)
  giveKept(x + 48, y + 48, divisor, v128.shuffle<i32>(high01, high23, 2, 3, 6, 7), 4)
}

/** `threshold` = floor(rate 2^32), `keep` = 1 - rate. */
export function dropout(
  rows: u32, cols: u32, x: u32, y: u32, threshold: u32, keep: f32, seed: u32, stream: u32, step: u32, firstRow: u32,
): void {
  const limit = i32x4.splat(threshold)
  const divisor = f32x4.splat(keep)
  for (let row: u32 = 0; row < rows; row++) {
    let col: u32 = 0
    for (; col + 16 <= cols; col += 16, x += 64, y += 64) {
      dropout16(x, y, limit, divisor, col >> 2, firstRow + row, step, stream, seed)
    }
    for (; col < cols; col += 4) {
      const count = min<u32>(cols - col, 4)
      const words = philox(col >> 2, firstRow + row, step, stream, seed, OURS)
      giveKept(x, y, divisor, i32x4.ge_u(words, limit), count)
      x += count << 2
      y += count << 2
    }
  }
}
