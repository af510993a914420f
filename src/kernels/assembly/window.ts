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
  return start >= 0 ? 0 : (<u32>-start + dilation - 1) / dilation
}

/** One more than the last cell inside. */
// @ts-ignore: decorator
@inline
export function endCell(start: i32, dilation: u32, cells: u32, length: u32): u32 {
  const room = <i32>length - start
  return room <= 0 ? 0 : min(cells, (<u32>room + dilation - 1) / dilation)
}

/** Where a position's window begins: its row, and the first cell's place there. Call `place` first. */
export let base: u32 = 0
export let startY: i32 = 0
export let startX: i32 = 0

/** @param position counted through the rows; `base` becomes the address of its row's first element */
export function place(position: u32, x: u32): void {
  const perRow = outHeight * outWidth
  const row = position / perRow
  const inRow = position - row * perRow
  const y = inRow / outWidth
  base = x + ((row * height * width * channels) << 2)
  startY = <i32>(y * strideHeight) - <i32>top
  startX = <i32>((inRow - y * outWidth) * strideWidth) - <i32>left
}
