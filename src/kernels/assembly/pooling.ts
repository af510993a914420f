/** The largest value or the mean of a window, channel by channel, and the way back. */
import { constant } from './math'
import { loadSome, storeSome } from './vector'
import {
  base, channels, dilationHeight, dilationWidth, endCell, firstCell, height, kernelHeight, kernelWidth, outHeight, outWidth,
  place, startX, startY, width,
} from './window'

/** The cells of the placed window that lie inside its row. */
let fromY: u32 = 0
let endY: u32 = 0
let fromX: u32 = 0
let endX: u32 = 0

function placeInside(position: u32, x: u32): void {
  place(position, x)
  fromY = firstCell(startY, dilationHeight)
  endY = endCell(startY, dilationHeight, kernelHeight, height)
  fromX = firstCell(startX, dilationWidth)
  endX = endCell(startX, dilationWidth, kernelWidth, width)
}

/** Address of channel `c` of a cell. */
// @ts-ignore: decorator
@inline
function cellAt(i: u32, j: u32, c: u32): u32 {
  const y = <u32>(startY + <i32>(i * dilationHeight))
  const x = <u32>(startX + <i32>(j * dilationWidth))
  return base + (((y * width + x) * channels + c) << 2)
}

/** NaN where one is among the cells. */
function largest(c: u32, some: u32): v128 {
  let result = constant(-Infinity)
  for (let i = fromY; i < endY; i++) {
    for (let j = fromX; j < endX; j++) result = f32x4.max(result, loadSome(cellAt(i, j, c), some))
  }
  return result
}

export function maxPool(rows: u32, x: u32, y: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    placeInside(p, x)
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      storeSome(y + ((p * channels + c) << 2), largest(c, some), some)
    }
  }
}

export function maxPoolBackward(rows: u32, x: u32, dy: u32, dx: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    placeInside(p, x)
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      const best = largest(c, some)
      const d = loadSome(dy + ((p * channels + c) << 2), some)
      let taken = constant(0)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) {
          const at = cellAt(i, j, c)
          const value = loadSome(at, some)
          const match = v128.andnot(v128.or(f32x4.eq(value, best), f32x4.ne(value, value)), taken)
          const into = dx + (at - x)
          storeSome(into, f32x4.add(loadSome(into, some), v128.and(d, match)), some)
          taken = v128.or(taken, match)
        }
      }
    }
  }
}

export function averagePool(rows: u32, x: u32, y: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    placeInside(p, x)
    const share = f32x4.splat(<f32>(1.0 / <f64>((endY - fromY) * (endX - fromX))))
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      let sum = constant(0)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) sum = f32x4.add(sum, loadSome(cellAt(i, j, c), some))
      }
      storeSome(y + ((p * channels + c) << 2), f32x4.mul(sum, share), some)
    }
  }
}

export function averagePoolBackward(rows: u32, dy: u32, dx: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    placeInside(p, dx)
    const share = f32x4.splat(<f32>(1.0 / <f64>((endY - fromY) * (endX - fromX))))
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      const d = f32x4.mul(loadSome(dy + ((p * channels + c) << 2), some), share)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) {
          const at = cellAt(i, j, c)
          storeSome(at, f32x4.add(loadSome(at, some), d), some)
        }
      }
    }
  }
}
