/** Normalisation by the moments of a group of a row's channels. */
import { high, low, total } from './doubles'
import { constant } from './math'
import { firstOf, loadPart, loadSome, storeSome } from './vector'

// @ts-ignore: decorator
@inline
function sumsOf(at: u32, some: u32): v128 {
  const value = loadSome(at, some)
  return f64x2.add(low(value), high(value))
}

// @ts-ignore: decorator
@inline
function squaresOf(at: u32, centre: v128, some: u32): v128 {
  let value = f32x4.sub(loadSome(at, some), centre)
  if (some < 4) value = firstOf(value, some)
  const a = low(value)
  const b = high(value)
  return f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b))
}

// @ts-ignore: decorator
@inline
function normal(x: u32, gamma: u32, beta: u32, y: u32, centre: v128, inverse: v128, some: u32): void {
  let value = f32x4.mul(f32x4.sub(loadSome(x, some), centre), inverse)
  if (gamma) value = f32x4.mul(value, loadSome(gamma, some))
  if (beta) value = f32x4.add(value, loadSome(beta, some))
  storeSome(y, value, some)
}

/**
 * Sums over a group's elements go to two float64, those of even and odd place in their run of channels: `whole` bytes
 * of these by four, and the `rest`.
 */
export function groupNorm(
  rows: u32, positions: u32, cols: u32, groups: u32, centred: bool, epsilon: f64,
  x: u32, gamma: u32, beta: u32, stats: u32, y: u32,
): void {
  const width = cols / groups
  const whole = (width & ~3) << 2
  const rest = width & 3
  const step = cols << 2
  const count = <f64>(positions * width)
  for (let g: u32 = 0; g < rows * groups; g++, stats += 8) {
    const row = g / groups
    const first = ((g - row * groups) * width) << 2
    const start = row * positions * step + first
    let mean: f32 = 0
    if (centred) {
      let sums = f64x2.splat(0)
      for (let p: u32 = 0, at = x + start; p < positions; p++, at += step) {
        for (let byte: u32 = 0; byte < whole; byte += 16) sums = f64x2.add(sums, sumsOf(at + byte, 4))
        if (rest) sums = f64x2.add(sums, sumsOf(at + whole, rest))
      }
      mean = <f32>(total(sums) / count)
    }
    const centre = f32x4.splat(mean)
    let squares = f64x2.splat(0)
    for (let p: u32 = 0, at = x + start; p < positions; p++, at += step) {
      for (let byte: u32 = 0; byte < whole; byte += 16) squares = f64x2.add(squares, squaresOf(at + byte, centre, 4))
      if (rest) squares = f64x2.add(squares, squaresOf(at + whole, centre, rest))
    }
    const inverse = <f32>(1.0 / Math.sqrt(total(squares) / count + epsilon))
    store<f32>(stats, mean)
    store<f32>(stats, inverse, 4)
    const factor = f32x4.splat(inverse)
    const scale = gamma ? gamma + first : 0
    const shift = beta ? beta + first : 0
    for (let p: u32 = 0, at = start; p < positions; p++, at += step) {
      for (let byte: u32 = 0; byte < whole; byte += 16) {
        normal(x + at + byte, scale ? scale + byte : 0, shift ? shift + byte : 0, y + at + byte, centre, factor, 4)
      }
      if (rest) {
        const to = at + whole
        normal(x + to, scale ? scale + whole : 0, shift ? shift + whole : 0, y + to, centre, factor, rest)
      }
    }
  }
}

/** dy gamma, of one address each; `gamma` 0: dy. */
// @ts-ignore: decorator
@inline
function scaled(dy: u32, gamma: u32, some: u32): v128 {
  const d = loadSome(dy, some)
  return gamma ? f32x4.mul(d, loadSome(gamma, some)) : d
}

// @ts-ignore: decorator
@inline
function back(
  x: u32, dy: u32, gamma: u32, dx: u32, centre: v128, inverse: v128, mean: v128, slope: v128, some: u32,
): void {
  const value = f32x4.mul(f32x4.sub(loadSome(x, some), centre), inverse)
  const rest = f32x4.sub(f32x4.sub(scaled(dy, gamma, some), mean), f32x4.mul(value, slope))
  storeSome(dx, f32x4.mul(rest, inverse), some)
}

export function groupNormBackward(
  rows: u32, positions: u32, cols: u32, groups: u32, centred: bool, x: u32, dy: u32, gamma: u32, stats: u32, dx: u32,
): void {
  const width = cols / groups
  const whole = (width & ~3) << 2
  const rest = width & 3
  const step = cols << 2
  const count = <f64>(positions * width)
  for (let g: u32 = 0; g < rows * groups; g++, stats += 8) {
    const row = g / groups
    const first = ((g - row * groups) * width) << 2
    const start = row * positions * step + first
    const scale = gamma ? gamma + first : 0
    const centre = f32x4.splat(load<f32>(stats))
    const inverse = f32x4.splat(load<f32>(stats, 4))
    let sums = f64x2.splat(0)
    let products = f64x2.splat(0)
    for (let p: u32 = 0, at = start; p < positions; p++, at += step) {
      for (let byte: u32 = 0; byte < whole; byte += 16) {
        const d = scaled(dy + at + byte, scale ? scale + byte : 0, 4)
        const value = f32x4.mul(f32x4.sub(v128.load(x + at + byte), centre), inverse)
        sums = f64x2.add(sums, f64x2.add(low(d), high(d)))
        products = f64x2.add(products, f64x2.add(f64x2.mul(low(d), low(value)), f64x2.mul(high(d), high(value))))
      }
      if (rest) {
        const d = scaled(dy + at + whole, scale ? scale + whole : 0, rest)
        const value = firstOf(f32x4.mul(f32x4.sub(loadPart(x + at + whole, rest), centre), inverse), rest)
        sums = f64x2.add(sums, f64x2.add(low(d), high(d)))
        products = f64x2.add(products, f64x2.add(f64x2.mul(low(d), low(value)), f64x2.mul(high(d), high(value))))
      }
    }
    const a = f32x4.splat(centred ? <f32>(total(sums) / count) : 0)
    const b = f32x4.splat(<f32>(total(products) / count))
    for (let p: u32 = 0, at = start; p < positions; p++, at += step) {
      for (let byte: u32 = 0; byte < whole; byte += 16) {
        const to = at + byte
        back(x + to, dy + to, scale ? scale + byte : 0, dx + to, centre, inverse, a, b, 4)
      }
      if (rest) {
        const to = at + whole
        back(x + to, dy + to, scale ? scale + whole : 0, dx + to, centre, inverse, a, b, rest)
      }
    }
  }
}

export function groupNormGamma(
  rows: u32, positions: u32, cols: u32, groups: u32, x: u32, dy: u32, stats: u32, out: u32, accumulate: bool,
): void {
  const width = cols / groups
  const step = cols << 2
  for (let byte: u32 = 0; !accumulate && byte < step; byte += 16) {
    storeSome(out + byte, constant(0), min<u32>(cols - (byte >> 2), 4))
  }
  for (let g: u32 = 0; g < rows * groups; g++, stats += 8) {
    const row = g / groups
    const first = ((g - row * groups) * width) << 2
    const start = row * positions * step + first
    const centre = f32x4.splat(load<f32>(stats))
    const inverse = f32x4.splat(load<f32>(stats, 4))
    for (let c: u32 = 0; c < width; c += 4) {
      const some = min<u32>(width - c, 4)
      const target = out + first + (c << 2)
      let sum = loadSome(target, some)
      for (let p: u32 = 0, at = start + (c << 2); p < positions; p++, at += step) {
        const value = f32x4.mul(f32x4.sub(loadSome(x + at, some), centre), inverse)
        sum = f32x4.add(sum, f32x4.mul(loadSome(dy + at, some), value))
      }
      storeSome(target, sum, some)
    }
  }
}
