/** One step of LSTM and GRU, four units at a time. Rows of gates are steps x gates x units apart, those of states steps x units. */
import { constant, sigmoid, tanh } from './math'
import { loadSome, storeSome } from './vector'

// @ts-ignore: decorator
@inline
function mul(a: v128, b: v128): v128 {
  return f32x4.mul(a, b)
}

/** 1 - a. */
// @ts-ignore: decorator
@inline
function rest(a: v128): v128 {
  return f32x4.sub(constant(1), a)
}

export function lstm(
  rows: u32, units: u32, steps: u32, gates: u32, before: u32, cells: u32, next: u32, out: u32, ldOut: u32,
): void {
  const ldGates = (steps * units) << 4
  const ldState = (steps * units) << 2
  const width = units << 2
  for (let row: u32 = 0; row < rows; row++) {
    for (let unit: u32 = 0; unit < units; unit += 4) {
      const some = min<u32>(units - unit, 4)
      const byte = unit << 2
      const at = gates + byte
      const i = sigmoid(loadSome(at, some))
      const f = sigmoid(loadSome(at + width, some))
      const g = tanh(loadSome(at + 2 * width, some))
      const o = sigmoid(loadSome(at + 3 * width, some))
      storeSome(at, i, some)
      storeSome(at + width, f, some)
      storeSome(at + 2 * width, g, some)
      storeSome(at + 3 * width, o, some)
      let c = mul(i, g)
      if (before) c = f32x4.add(mul(f, loadSome(before + byte, some)), c)
      storeSome(cells + byte, c, some)
      const h = mul(o, tanh(c))
      if (next) storeSome(next + byte, h, some)
      if (out) storeSome(out + byte, h, some)
    }
    gates += ldGates
    cells += ldState
    if (before) before += ldState
    if (next) next += ldState
    if (out) out += ldOut << 2
  }
}

export function lstmBackward(
  rows: u32, units: u32, steps: u32, gates: u32, before: u32, cells: u32, dh: u32, dc: u32, dgates: u32,
): void {
  const ldGates = (steps * units) << 4
  const ldState = (steps * units) << 2
  const width = units << 2
  for (let row: u32 = 0; row < rows; row++) {
    for (let unit: u32 = 0; unit < units; unit += 4) {
      const some = min<u32>(units - unit, 4)
      const byte = unit << 2
      const at = gates + byte
      const i = loadSome(at, some)
      const f = loadSome(at + width, some)
      const g = loadSome(at + 2 * width, some)
      const o = loadSome(at + 3 * width, some)
      const t = tanh(loadSome(cells + byte, some))
      const d = loadSome(dh + byte, some)
      const carry = f32x4.add(loadSome(dc + byte, some), mul(mul(d, o), rest(mul(t, t))))
      const into = dgates + byte
      storeSome(into, mul(mul(carry, g), mul(i, rest(i))), some)
      const old = before ? loadSome(before + byte, some) : constant(0)
      storeSome(into + width, mul(mul(carry, old), mul(f, rest(f))), some)
      storeSome(into + 2 * width, mul(mul(carry, i), rest(mul(g, g))), some)
      storeSome(into + 3 * width, mul(mul(d, t), mul(o, rest(o))), some)
      storeSome(dc + byte, mul(carry, f), some)
    }
    gates += ldGates
    dgates += ldGates
    cells += ldState
    dh += ldState
    dc += width
    if (before) before += ldState
  }
}

export function gru(
  rows: u32, units: u32, steps: u32, gates: u32, recurrent: u32, bias: u32, before: u32, next: u32, out: u32, ldOut: u32,
): void {
  const ldState = (steps * units) << 2
  const ldGates = 3 * ldState
  const width = units << 2
  for (let row: u32 = 0; row < rows; row++) {
    for (let unit: u32 = 0; unit < units; unit += 4) {
      const some = min<u32>(units - unit, 4)
      const byte = unit << 2
      const at = gates + byte
      const own = recurrent + byte
      let az = loadSome(own, some)
      let ar = loadSome(own + width, some)
      let an = loadSome(own + 2 * width, some)
      if (bias) {
        az = f32x4.add(az, loadSome(bias + byte, some))
        ar = f32x4.add(ar, loadSome(bias + byte + width, some))
        an = f32x4.add(an, loadSome(bias + byte + 2 * width, some))
        storeSome(own + 2 * width, an, some)
      }
      const z = sigmoid(f32x4.add(loadSome(at, some), az))
      const r = sigmoid(f32x4.add(loadSome(at + width, some), ar))
      const n = tanh(f32x4.add(loadSome(at + 2 * width, some), mul(r, an)))
      storeSome(at, z, some)
      storeSome(at + width, r, some)
      storeSome(at + 2 * width, n, some)
      const h = f32x4.add(mul(z, loadSome(before + byte, some)), mul(rest(z), n))
      if (next) storeSome(next + byte, h, some)
      if (out) storeSome(out + byte, h, some)
    }
    gates += ldGates
    recurrent += ldGates
    before += ldState
    if (next) next += ldState
    if (out) out += ldOut << 2
  }
}

export function gruBackward(
  rows: u32, units: u32, steps: u32, gates: u32, recurrent: u32, before: u32, dh: u32, previous: u32, accumulate: bool,
  dgates: u32, drecurrent: u32,
): void {
  const ldState = (steps * units) << 2
  const ldGates = 3 * ldState
  const width = units << 2
  for (let row: u32 = 0; row < rows; row++) {
    for (let unit: u32 = 0; unit < units; unit += 4) {
      const some = min<u32>(units - unit, 4)
      const byte = unit << 2
      const at = gates + byte
      const z = loadSome(at, some)
      const r = loadSome(at + width, some)
      const n = loadSome(at + 2 * width, some)
      const d = loadSome(dh + byte, some)
      const dz = mul(mul(d, f32x4.sub(loadSome(before + byte, some), n)), mul(z, rest(z)))
      const dn = mul(mul(d, rest(z)), rest(mul(n, n)))
      const dr = mul(mul(dn, loadSome(recurrent + byte + 2 * width, some)), mul(r, rest(r)))
      storeSome(dgates + byte, dz, some)
      storeSome(dgates + byte + width, dr, some)
      storeSome(dgates + byte + 2 * width, dn, some)
      storeSome(drecurrent + byte, dz, some)
      storeSome(drecurrent + byte + width, dr, some)
      storeSome(drecurrent + byte + 2 * width, mul(dn, r), some)
      if (previous) {
        const on = accumulate ? loadSome(previous + byte, some) : constant(0)
        storeSome(previous + byte, f32x4.add(on, mul(d, z)), some)
      }
    }
    gates += ldGates
    recurrent += ldGates
    dgates += ldGates
    drecurrent += ldGates
    before += ldState
    dh += ldState
    if (previous) previous += ldState
  }
}
