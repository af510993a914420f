/** Dropout by Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). */
import { loadSome, storeSome } from './vector'

const ROUNDS = 10

/** The four words of a block. */
// @ts-ignore: decorator
@inline
function philox(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): v128 {
  for (let round = 0; round < ROUNDS; round++) {
    const p0 = <u64>c0 * 0xd2511f53
    const p1 = <u64>c2 * 0xcd9e8d57
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0
    c1 = <u32>p1
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1
    c3 = <u32>p0
    k0 += 0x9e3779b9
    k1 += 0xbb67ae85
  }
  let words = i32x4.splat(c0)
  words = i32x4.replace_lane(words, 1, c1)
  words = i32x4.replace_lane(words, 2, c2)
  return i32x4.replace_lane(words, 3, c3)
}

/** `threshold` = floor(rate 2^32), `keep` = 1 - rate. */
export function dropout(
  rows: u32, cols: u32, x: u32, y: u32, threshold: u32, keep: f32, seed: u32, stream: u32, step: u32, firstRow: u32,
): void {
  const limit = i32x4.splat(threshold)
  const divisor = f32x4.splat(keep)
  for (let row: u32 = 0; row < rows; row++) {
    for (let col: u32 = 0; col < cols; col += 4) {
      const count = min<u32>(cols - col, 4)
      const words = philox(col >> 2, firstRow + row, step, stream, seed, 0x0d0ff005)
      const kept = i32x4.ge_u(words, limit)
      storeSome(y, v128.and(f32x4.div(loadSome(x, count), divisor), kept), count)
      x += count << 2
      y += count << 2
    }
  }
}
