/** Copies that put the operands of a matrix product into the order its tiles read. Leading dimensions in bytes. */
import { copy64 } from './vector'

/** Columns of a panel: of the widest tile. */
export const PANEL: u32 = WIDE ? 16 : 8

/** to[c, r] = from[r, c]; `from` is rows x cols. */
export function transpose(rows: u32, cols: u32, from: u32, fromStep: u32, to: u32, toStep: u32): void {
  let row: u32 = 0
  for (; row + 4 <= rows; row += 4) {
    let source = from + row * fromStep
    let target = to + (row << 2)
    let col: u32 = 0
    for (; col + 4 <= cols; col += 4) {
      transposeSquare(source, fromStep, target, toStep)
      source += 16
      target += toStep << 2
    }
    for (; col < cols; col++) {
      for (let i: u32 = 0; i < 4; i++) store<f32>(target + (i << 2), load<f32>(source + i * fromStep))
      source += 4
      target += toStep
    }
  }
  for (; row < rows; row++) {
    let source = from + row * fromStep
    let target = to + (row << 2)
    for (let col: u32 = 0; col < cols; col++) {
      store<f32>(target, load<f32>(source))
      source += 4
      target += toStep
    }
  }
}

/** 4 x 4 in registers. */
// @ts-ignore: decorator
@inline
function transposeSquare(from: u32, fromStep: u32, to: u32, toStep: u32): void {
  const r0 = v128.load(from)
  const r1 = v128.load(from + fromStep)
  const r2 = v128.load(from + 2 * fromStep)
  const r3 = v128.load(from + 3 * fromStep)
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5))
  v128.store(to + toStep, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7))
  v128.store(to + 2 * toStep, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5))
  v128.store(to + 3 * toStep, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7))
}

/** Panels of PANEL columns one after another, each `rows` runs of them; what lies beyond the last column is left as it was. */
export function packRows(rows: u32, cols: u32, from: u32, fromStep: u32, to: u32): void {
  const panelBytes = rows * PANEL << 2
  for (let row: u32 = 0; row < rows; row++) {
    let source = from
    let target = to
    let left = cols
    for (; left >= PANEL; left -= PANEL) {
      if (PANEL == 16) {
        copy64(source, target)
      } else {
        v128.store(target, v128.load(source))
        v128.store(target, v128.load(source, 16), 16)
      }
      source += PANEL << 2
      target += panelBytes
    }
    for (; left >= 4; left -= 4) {
      v128.store(target, v128.load(source))
      source += 16
      target += 16
    }
    for (; left > 0; left--) {
      store<f32>(target, load<f32>(source))
      source += 4
      target += 4
    }
    from += fromStep
    to += PANEL << 2
  }
}

/** The same from a stored transpose: `from` holds the columns as rows of `rows` elements. */
export function packTransposed(cols: u32, rows: u32, from: u32, fromStep: u32, to: u32): void {
  for (let col: u32 = 0; col < cols; col += PANEL) {
    transpose(min(PANEL, cols - col), rows, from + col * fromStep, fromStep, to, PANEL << 2)
    to += rows * PANEL << 2
  }
}
