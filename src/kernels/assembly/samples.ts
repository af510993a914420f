/** What a sampled step wants to know of weights and units. */
import { constant } from './math'
import { loadPart, loadSome, storePair, storeSome } from './vector'

export function copyRows(rows: u32, cols: u32, x: u32, ld: u32, y: u32): void {
  for (; rows > 0; rows--) {
    let at = x
    let left = cols
    for (; left >= 8; left -= 8, at += 32, y += 32) {
      const low = v128.load(at)
      const high = v128.load(at, 16)
      storePair(y, low, high)
    }
    for (; left > 0; left--, at += 4, y += 4) store<f32>(y, load<f32>(at))
    x += ld << 2
  }
}

/** Eight columns at a time, down to where each of them was active. */
export function activeUnits(rows: u32, cols: u32, x: u32, ld: u32, out: u32): void {
  const one = f32x4.splat(1)
  const zero = constant(0)
  const step = ld << 2
  for (; cols >= 8; cols -= 8, x += 32, out += 32) {
    let low = constant(0)
    let high = constant(0)
    let at = x
    for (let left = rows; left > 0; left--, at += step) {
      low = v128.or(low, f32x4.gt(v128.load(at), zero))
      high = v128.or(high, f32x4.gt(v128.load(at, 16), zero))
      if (i32x4.all_true(v128.and(low, high))) break
    }
    storePair(out, v128.and(low, one), v128.and(high, one))
  }
  for (; cols > 0; x += 16, out += 16) {
    const some = min<u32>(cols, 4)
    let active = constant(0)
    let at = x
    for (let left = rows; left > 0; left--, at += step) active = v128.or(active, f32x4.gt(loadSome(at, some), zero))
    storeSome(out, v128.and(active, one), some)
    cols -= some
  }
}
