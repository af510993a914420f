/** The window of the call that follows: `Window` of kernels.ts. Each instance has one, and one thread. */

export let height: u32 = 0
export let width: u32 = 0
export let channels: u32 = 0
export let kernelHeight: u32 = 0
export let kernelWidth: u32 = 0
export let strideHeight: u32 = 0
export let strideWidth: u32 = 0
export let dilationHeight: u32 = 0
export let dilationWidth: u32 = 0
export let top: u32 = 0
export let left: u32 = 0
export let outHeight: u32 = 0
export let outWidth: u32 = 0

export function setWindow(
  h: u32, w: u32, c: u32, kh: u32, kw: u32, sh: u32, sw: u32, dh: u32, dw: u32, t: u32, l: u32, oh: u32, ow: u32,
): void {
  height = h
  width = w
  channels = c
  kernelHeight = kh
  kernelWidth = kw
  strideHeight = sh
  strideWidth = sw
  dilationHeight = dh
  dilationWidth = dw
  top = t
  left = l
  outHeight = oh
  outWidth = ow
}

/** The first position inside a row of `length` that a window beginning at `start` (possibly below 0) meets, as a cell. */
// @ts-ignore: decorator
@inline
export function firstCell(start: i32, dilation: u32): u32 {
  if (start >= 0) return 0
  return dilation == 1 ? <u32>-start : (<u32>-start + dilation - 1) / dilation
}

/** One more than the last cell inside. */
// @ts-ignore: decorator
@inline
export function endCell(start: i32, dilation: u32, cells: u32, length: u32): u32 {
  const room = <i32>length - start
  if (room <= 0) return 0
  return min(cells, dilation == 1 ? <u32>room : (<u32>room + dilation - 1) / dilation)
}

/** Where a position's window begins: its row, and the first cell's place there. Call `place` first, then `next`. */
export let base: u32 = 0
export let startY: i32 = 0
export let startX: i32 = 0

let outY: u32 = 0
let outX: u32 = 0

/** @param position counted through the rows; `base` becomes the address of its row's first element */
export function place(position: u32, x: u32): void {
  const perRow = outHeight * outWidth
  const row = position / perRow
  const inRow = position - row * perRow
  outY = inRow / outWidth
  outX = inRow - outY * outWidth
  base = x + ((row * height * width * channels) << 2)
  startY = <i32>(outY * strideHeight) - <i32>top
  startX = <i32>(outX * strideWidth) - <i32>left
}

/** The position after the one placed: no divisions. */
// @ts-ignore: decorator
@inline
export function next(): void {
  outX++
  startX += <i32>strideWidth
  if (outX < outWidth) return
  outX = 0
  startX = -(<i32>left)
  outY++
  startY += <i32>strideHeight
  if (outY < outHeight) return
  outY = 0
  startY = -(<i32>top)
  base += (height * width * channels) << 2
}

/** So many positions on in the same row of outputs. */
// @ts-ignore: decorator
@inline
export function moveAcross(positions: u32): void {
  startX += <i32>(positions * strideWidth)
}
