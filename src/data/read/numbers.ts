/** Numbers in decimal, from a text and from bytes. */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** The number that a cell spells in decimal, or undefined: `Infinity`, `1e999`, `0x10` and `1,5` are texts. */
export function parseNumber(cell: string): number | undefined {
  if (!NUMBER.test(cell)) return undefined
  const value = Number(cell)
  return Number.isFinite(value) ? value : undefined
}

/** Powers of ten that are exact in float64. */
const TENS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))
const [PLUS, MINUS, POINT, ZERO, NINE, E] = [43, 45, 46, 48, 57, 101]

/**
 * What `parseNumber` gives for a text of the bytes from `start` to `end`, where whole number and power of ten are exact, so that
 * their quotient or product is rounded once (W. D. Clinger, "How to read floating point numbers accurately", 1990); else undefined.
 */
export function plainNumber(bytes: Uint8Array, start: number, end: number): number | undefined {
  let i = start
  let sign = 1
  if (bytes[i] === MINUS || bytes[i] === PLUS) sign = bytes[i++] === MINUS ? -1 : 1
  let whole = 0
  let digits = 0
  let scale = 0
  let hasPoint = false
  for (; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= ZERO && byte <= NINE) {
      whole = whole * 10 + (byte - ZERO)
      digits++
      if (hasPoint) scale--
    } else if (byte === POINT && !hasPoint) hasPoint = true
    else break
  }
  if (digits === 0 || whole > Number.MAX_SAFE_INTEGER) return undefined
  if (i < end) {
    if ((bytes[i++]! | 32) !== E) return undefined
    const down = bytes[i] === MINUS
    if (down || bytes[i] === PLUS) i++
    const from = i
    let exponent = 0
    for (; i < end && bytes[i]! >= ZERO && bytes[i]! <= NINE; i++) exponent = exponent * 10 + (bytes[i]! - ZERO)
    if (i === from || i < end) return undefined
    scale += down ? -exponent : exponent
  }
  if (scale < -22 || scale > 22) return undefined
  return sign * (scale < 0 ? whole / TENS[-scale]! : whole * TENS[scale]!)
}
