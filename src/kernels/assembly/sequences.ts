/** Rows of a table by index, and the weights of attention. */
import { exponentials, rowMaximum, scaleRow } from './rows'
import { loadSome, storeSome } from './vector'

export function lookUp(count: u32, width: u32, entries: u32, indices: u32, table: u32, y: u32): void {
  const bytes = width << 2
  for (let i: u32 = 0; i < count; i++) {
    const index = load<f32>(indices + (i << 2))
    // False for NaN as well.
    const known = index >= 0 && index < <f32>entries && <f32>(<u32>index) == index
    if (known) memory.copy(y, table + <u32>index * bytes, bytes)
    else for (let byte: u32 = 0; byte < bytes; byte += 4) store<f32>(y + byte, <f32>NaN)
    y += bytes
  }
}

export function lookUpGradient(
  count: u32, width: u32, ld: u32, first: u32, end: u32, indices: u32, dy: u32, out: u32,
): void {
  for (let i: u32 = 0; i < count; i++, dy += ld << 2) {
    const index = load<f32>(indices + (i << 2))
    if (!(index >= <f32>first && index < <f32>end)) continue
    const into = out + ((<u32>index * ld) << 2)
    for (let c: u32 = 0; c < width; c += 4) {
      const some = min<u32>(width - c, 4)
      const byte = c << 2
      storeSome(into + byte, f32x4.add(loadSome(into + byte, some), loadSome(dy + byte, some)), some)
    }
  }
}

export function attend(steps: u32, scale: f32, causal: bool, x: u32, y: u32): void {
  for (let t: u32 = 0; t < steps; t++) {
    const seen = causal ? t + 1 : steps
    const row = y + ((t * steps) << 2)
    if (x != y) memory.copy(row, x + ((t * steps) << 2), seen << 2)
    scaleRow(seen, row, scale)
    const sum = exponentials(seen, row, rowMaximum(seen, row), row)
    scaleRow(seen, row, <f32>(1 / sum))
    for (let j = seen; j < steps; j++) store<f32>(row + (j << 2), 0)
  }
}

export function attendBackward(steps: u32, scale: f32, y: u32, dy: u32, dx: u32): void {
  const factor = f32x4.splat(scale)
  for (let t: u32 = 0; t < steps; t++) {
    const at = (t * steps) << 2
    let sums = f64x2.splat(0)
    for (let c: u32 = 0; c < steps; c += 4) {
      const some = min<u32>(steps - c, 4)
      const p = loadSome(y + at + (c << 2), some)
      const d = loadSome(dy + at + (c << 2), some)
      const low = f64x2.mul(f64x2.promote_low_f32x4(p), f64x2.promote_low_f32x4(d))
      const p2 = v128.shuffle<f32>(p, p, 2, 3, 2, 3)
      const d2 = v128.shuffle<f32>(d, d, 2, 3, 2, 3)
      sums = f64x2.add(sums, f64x2.add(low, f64x2.mul(f64x2.promote_low_f32x4(p2), f64x2.promote_low_f32x4(d2))))
    }
    const common = f32x4.splat(<f32>(f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)))
    for (let c: u32 = 0; c < steps; c += 4) {
      const some = min<u32>(steps - c, 4)
      const p = loadSome(y + at + (c << 2), some)
      const d = f32x4.sub(loadSome(dy + at + (c << 2), some), common)
      storeSome(dx + at + (c << 2), f32x4.mul(f32x4.mul(p, d), factor), some)
    }
  }
}
