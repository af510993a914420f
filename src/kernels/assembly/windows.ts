/** Convolution's copies between rows and columns of windows, and the product of one channel with itself alone. */
import { constant } from './math'
import { copy64, loadSome, multiplyAdd, storePair, storeSome } from './vector'
import {
  base, channels, dilationHeight, dilationWidth, endCell, firstCell, height, kernelHeight, kernelWidth, moveAcross, next,
  outHeight, outWidth, place, startX, startY, strideWidth, width,
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

/** The same by whole vectors, up to 3 elements too many: for targets whose next elements are written afterwards. */
// @ts-ignore: decorator
@inline
function copyOver(bytes: u32, from: u32, to: u32): void {
  const end = to + bytes
  for (; to + 64 <= end; to += 64, from += 64) copy64(from, to)
  for (; to < end; to += 16, from += 16) v128.store(to, v128.load(from))
}

// @ts-ignore: decorator
@inline
function clearOver(bytes: u32, to: u32): void {
  for (let at: u32 = 0; at < bytes; at += 16) v128.store(to + at, constant(0))
}

// @ts-ignore: decorator
@inline
function addRun(count: u32, from: u32, to: u32): void {
  for (; count >= 8; count -= 8) {
    const low = f32x4.add(v128.load(to), v128.load(from))
    const high = f32x4.add(v128.load(to, 16), v128.load(from, 16))
    storePair(to, low, high)
    from += 32
    to += 32
  }
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

/** The placed window's cells. `over`: by whole vectors, where more of `out` is written afterwards. */
// @ts-ignore: decorator
@inline
function unfoldOne(depth: u32, out: u32, over: bool): void {
  const cellBytes = depth << 2
  const lineBytes = kernelWidth * cellBytes
  const step = (dilationWidth * channels) << 2
  const from = firstCell(startX, dilationWidth)
  const end = endCell(startX, dilationWidth, kernelWidth, width)
  const at = startX + <i32>(from * dilationWidth)
  for (let i: u32 = 0; i < kernelHeight; i++, out += lineBytes) {
    const y = startY + <i32>(i * dilationHeight)
    if (<u32>y >= height || end <= from) {
      if (over) clearOver(lineBytes, out)
      else clearRun(lineBytes >> 2, out)
      continue
    }
    let source = base + (((<u32>y * width + <u32>at) * channels) << 2)
    let target = out + from * cellBytes
    if (from > 0) clearRun(from * depth, out)
    if (step == cellBytes) {
      // Neighbouring cells that lie side by side are one run.
      if (over) copyOver((end - from) * cellBytes, source, target)
      else copyRun((end - from) * depth, source, target)
    } else {
      for (let j = from; j < end; j++) {
        if (over) copyOver(cellBytes, source, target)
        else copyRun(depth, source, target)
        source += step
        target += cellBytes
      }
    }
    if (end < kernelWidth) clearRun((kernelWidth - end) * depth, out + end * cellBytes)
  }
}

/** How many of `run` positions, from the placed one on, have a window that begins before its row's first element. */
// @ts-ignore: decorator
@inline
function cutAhead(run: u32): u32 {
  return startX >= 0 ? 0 : min(run, (<u32>-startX + strideWidth - 1) / strideWidth)
}

/** How many of `run` positions have a window that ends inside its row. */
// @ts-ignore: decorator
@inline
function endInside(run: u32): u32 {
  const room = <i32>width - <i32>((kernelWidth - 1) * dilationWidth) - startX
  return room <= 0 ? 0 : min(run, (<u32>room + strideWidth - 1) / strideWidth)
}

/** `count` whole windows beside each other, whose lines `from` to `end` are inside and each one run of `lineBytes`. */
function unfoldWhole(count: u32, from: u32, end: u32, lineBytes: u32, out: u32): void {
  const step = (strideWidth * channels) << 2
  const rowStep = (dilationHeight * width * channels) << 2
  const cells = kernelHeight
  const y = <u32>(startY + <i32>(from * dilationHeight))
  let source = base + (((y * width + <u32>startX) * channels) << 2)
  if (lineBytes <= 16 && end - from == cells) {
    for (let p: u32 = 0; p < count; p++, source += step) {
      for (let i: u32 = 0, at = source; i < cells; i++, at += rowStep, out += lineBytes) v128.store(out, v128.load(at))
    }
    return
  }
  for (let p: u32 = 0; p < count; p++, source += step) {
    for (let i: u32 = 0; i < from; i++, out += lineBytes) clearOver(lineBytes, out)
    for (let i = from, at = source; i < end; i++, at += rowStep, out += lineBytes) copyOver(lineBytes, at, out)
    for (let i = end; i < cells; i++, out += lineBytes) clearOver(lineBytes, out)
  }
}

export function unfold(depth: u32, first: u32, count: u32, x: u32, out: u32): void {
  const lineBytes = (kernelWidth * depth) << 2
  const bytes = kernelHeight * lineBytes
  const joined = dilationWidth * channels == depth
  const all = first + count
  // What whole vectors write too much is written again by the windows after it: these are the last.
  const last = all - min<u32>(count, bytes < 12 ? 3 : 1)
  for (let p = first; p < last; ) {
    place(p, x)
    const run = min(last - p, outWidth - p % outWidth)
    const ahead = joined ? cutAhead(run) : run
    const whole = joined ? max(ahead, endInside(run)) : run
    const from = min(kernelHeight, firstCell(startY, dilationHeight))
    const end = max(from, endCell(startY, dilationHeight, kernelHeight, height))
    for (let i: u32 = 0; i < ahead; i++, moveAcross(1), out += bytes) unfoldOne(depth, out, true)
    unfoldWhole(whole - ahead, from, end, lineBytes, out)
    moveAcross(whole - ahead)
    out += (whole - ahead) * bytes
    for (let i = whole; i < run; i++, moveAcross(1), out += bytes) unfoldOne(depth, out, true)
    p += run
  }
  place(last, x)
  for (let p = last; p < all; p++, next(), out += bytes) unfoldOne(depth, out, false)
}

export function fold(depth: u32, first: u32, count: u32, columns: u32, dx: u32): void {
  const cellBytes = depth << 2
  const lineBytes = kernelWidth * cellBytes
  const step = (dilationWidth * channels) << 2
  place(first, dx)
  for (let p: u32 = 0; p < count; p++, next()) {
    const from = firstCell(startX, dilationWidth)
    const end = endCell(startX, dilationWidth, kernelWidth, width)
    const at = startX + <i32>(from * dilationWidth)
    for (let i: u32 = 0; i < kernelHeight; i++, columns += lineBytes) {
      const y = startY + <i32>(i * dilationHeight)
      if (<u32>y >= height || end <= from) continue
      let target = base + (((<u32>y * width + <u32>at) * channels) << 2)
      let source = columns + from * cellBytes
      if (step == cellBytes) {
        addRun((end - from) * depth, source, target)
        continue
      }
      for (let j = from; j < end; j++) {
        addRun(depth, source, target)
        source += cellBytes
        target += step
      }
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
  place(0, x)
  for (let p: u32 = 0; p < positions; p++, next()) {
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
  place(0, dx)
  for (let p: u32 = 0; p < positions; p++, next()) {
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
  place(0, x)
  for (let p: u32 = 0; p < positions; p++, next()) {
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
