/** Rows of a table by index, and the weights of attention. */
import { high, low, total } from './doubles'
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
    memory.fill(row + (seen << 2), 0, (steps - seen) << 2)
  }
}

// @ts-ignore: decorator
@inline
function productsOf(y: u32, dy: u32, some: u32): v128 {
  const p = loadSome(y, some)
  const d = loadSome(dy, some)
  return f64x2.add(f64x2.mul(low(p), low(d)), f64x2.mul(high(p), high(d)))
}

// @ts-ignore: decorator
@inline
function attendBack(y: u32, dy: u32, dx: u32, common: v128, factor: v128, some: u32): void {
  const d = f32x4.sub(loadSome(dy, some), common)
  storeSome(dx, f32x4.mul(f32x4.mul(loadSome(y, some), d), factor), some)
}

export function attendBackward(steps: u32, scale: f32, causal: bool, y: u32, dy: u32, dx: u32): void {
  const factor = f32x4.splat(scale)
  const step = steps << 2
  for (let t: u32 = 0; t < steps; t++, y += step, dy += step, dx += step) {
    const seen = causal ? t + 1 : steps
    const whole = (seen & ~3) << 2
    const rest = seen & 3
    let sums = f64x2.splat(0)
    for (let byte: u32 = 0; byte < whole; byte += 16) sums = f64x2.add(sums, productsOf(y + byte, dy + byte, 4))
    if (rest) sums = f64x2.add(sums, productsOf(y + whole, dy + whole, rest))
    const common = f32x4.splat(<f32>total(sums))
    for (let byte: u32 = 0; byte < whole; byte += 16) attendBack(y + byte, dy + byte, dx + byte, common, factor, 4)
    if (rest) attendBack(y + whole, dy + whole, dx + whole, common, factor, rest)
    memory.fill(dx + (seen << 2), 0, (steps - seen) << 2)
  }
}
