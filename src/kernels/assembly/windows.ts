/** Convolution's copies between rows and columns of windows, and the product of one channel with itself alone. */
import { constant } from './math'
import { loadSome, multiplyAdd, storeSome } from './vector'
import {
  base, channels, dilationHeight, dilationWidth, endCell, firstCell, height, kernelHeight, kernelWidth, outHeight, outWidth,
  place, startX, startY, width,
} from './window'

// memory.copy and memory.fill leave WebAssembly: too much for the few floats of a cell.
// @ts-ignore: decorator
@inline
function copyRun(count: u32, from: u32, to: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from))
    from += 16
    to += 16
  }
  for (; count > 0; count--) {
    store<f32>(to, load<f32>(from))
    from += 4
    to += 4
  }
}

// @ts-ignore: decorator
@inline
function clearRun(count: u32, to: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, constant(0))
    to += 16
  }
  for (; count > 0; count--) {
    store<f32>(to, 0)
    to += 4
  }
}

// @ts-ignore: decorator
@inline
function addRun(count: u32, from: u32, to: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)))
    from += 16
    to += 16
  }
  for (; count > 0; count--) {
    store<f32>(to, load<f32>(to) + load<f32>(from))
    from += 4
    to += 4
  }
}

export function unfold(depth: u32, first: u32, count: u32, x: u32, out: u32): void {
  const line = kernelWidth * depth
  const cellBytes = depth << 2
  const step = (dilationWidth * channels) << 2
  // Neighbouring cells that lie side by side are one run.
  const joined = step == cellBytes
  for (let p = first; p < first + count; p++) {
    place(p, x)
    const from = firstCell(startX, dilationWidth)
    const end = endCell(startX, dilationWidth, kernelWidth, width)
    for (let i: u32 = 0; i < kernelHeight; i++) {
      const y = startY + <i32>(i * dilationHeight)
      if (y < 0 || y >= <i32>height || end <= from) {
        clearRun(line, out)
      } else {
        const at = startX + <i32>(from * dilationWidth)
        let source = base + (((<u32>y * width + <u32>at) * channels) << 2)
        if (from > 0) clearRun(from * depth, out)
        let target = out + from * cellBytes
        if (joined) {
          copyRun((end - from) * depth, source, target)
        } else {
          for (let j = from; j < end; j++) {
            copyRun(depth, source, target)
            source += step
            target += cellBytes
          }
        }
        if (end < kernelWidth) clearRun((kernelWidth - end) * depth, out + end * cellBytes)
      }
      out += line << 2
    }
  }
}

export function fold(depth: u32, first: u32, count: u32, columns: u32, dx: u32): void {
  const line = kernelWidth * depth
  const cellBytes = depth << 2
  const step = (dilationWidth * channels) << 2
  const joined = step == cellBytes
  for (let p = first; p < first + count; p++) {
    place(p, dx)
    const from = firstCell(startX, dilationWidth)
    const end = endCell(startX, dilationWidth, kernelWidth, width)
    for (let i: u32 = 0; i < kernelHeight; i++) {
      const y = startY + <i32>(i * dilationHeight)
      if (y >= 0 && y < <i32>height && end > from) {
        const at = startX + <i32>(from * dilationWidth)
        let target = base + (((<u32>y * width + <u32>at) * channels) << 2)
        let source = columns + from * cellBytes
        if (joined) {
          addRun((end - from) * depth, source, target)
        } else {
          for (let j = from; j < end; j++) {
            addRun(depth, source, target)
            source += cellBytes
            target += step
          }
        }
      }
      columns += line << 2
    }
  }
}

/** Address of channel 0 of a cell of the placed window. */
// @ts-ignore: decorator
@inline
function cellAt(i: u32, j: u32): u32 {
  const y = <u32>(startY + <i32>(i * dilationHeight))
  const x = <u32>(startX + <i32>(j * dilationWidth))
  return base + (((y * width + x) * channels) << 2)
}

export function depthwise(rows: u32, x: u32, kernel: u32, y: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    place(p, x)
    const fromY = firstCell(startY, dilationHeight)
    const endY = endCell(startY, dilationHeight, kernelHeight, height)
    const fromX = firstCell(startX, dilationWidth)
    const endX = endCell(startX, dilationWidth, kernelWidth, width)
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      let sum = constant(0)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) {
          const weight = loadSome(kernel + (((i * kernelWidth + j) * channels + c) << 2), some)
          sum = multiplyAdd(loadSome(cellAt(i, j) + (c << 2), some), weight, sum)
        }
      }
      storeSome(y + ((p * channels + c) << 2), sum, some)
    }
  }
}

export function depthwiseBackward(rows: u32, dy: u32, kernel: u32, dx: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    place(p, dx)
    const fromY = firstCell(startY, dilationHeight)
    const endY = endCell(startY, dilationHeight, kernelHeight, height)
    const fromX = firstCell(startX, dilationWidth)
    const endX = endCell(startX, dilationWidth, kernelWidth, width)
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      const d = loadSome(dy + ((p * channels + c) << 2), some)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) {
          const weight = loadSome(kernel + (((i * kernelWidth + j) * channels + c) << 2), some)
          const at = cellAt(i, j) + (c << 2)
          storeSome(at, multiplyAdd(d, weight, loadSome(at, some)), some)
        }
      }
    }
  }
}

export function depthwiseKernel(rows: u32, x: u32, dy: u32, out: u32): void {
  const positions = rows * outHeight * outWidth
  for (let p: u32 = 0; p < positions; p++) {
    place(p, x)
    const fromY = firstCell(startY, dilationHeight)
    const endY = endCell(startY, dilationHeight, kernelHeight, height)
    const fromX = firstCell(startX, dilationWidth)
    const endX = endCell(startX, dilationWidth, kernelWidth, width)
    for (let c: u32 = 0; c < channels; c += 4) {
      const some = min<u32>(channels - c, 4)
      const d = loadSome(dy + ((p * channels + c) << 2), some)
      for (let i = fromY; i < endY; i++) {
        for (let j = fromX; j < endX; j++) {
          const at = out + (((i * kernelWidth + j) * channels + c) << 2)
          storeSome(at, multiplyAdd(loadSome(cellAt(i, j) + (c << 2), some), d, loadSome(at, some)), some)
        }
      }
    }
  }
}
