/**
 * Bilinear resizing, one axis after the other. Where an image becomes smaller the triangle is as wide as a new pixel, so
 * that every old one counts (as in Pillow, and torchvision with `antialias`). Proportions are not kept.
 */
import type { Picture } from './picture.ts'

export function resize(picture: Picture, height: number, width: number): Picture {
  if (picture.height === height && picture.width === width) return picture
  const { channels } = picture
  const wide = along(picture.pixels, picture.height, picture.width, channels, width)
  // Rows as vectors of a whole line each.
  const sums = along(wide, 1, picture.height, width * channels, height)
  return { width, height, channels, pixels: Uint8Array.from(sums, (value) => Math.round(value)) }
}

/** `lines` times `from` vectors of `size` numbers, as `to` vectors each. */
function along(values: ArrayLike<number>, lines: number, from: number, size: number, to: number): Float32Array {
  const result = new Float32Array(lines * to * size)
  const scale = from / to
  const reach = Math.max(1, scale)
  for (let i = 0; i < to; i++) {
    const middle = (i + 0.5) * scale
    const first = Math.max(0, Math.floor(middle - reach + 0.5))
    const end = Math.min(from, Math.floor(middle + reach + 0.5))
    const weights: number[] = []
    for (let j = first; j < end; j++) weights.push(Math.max(0, 1 - Math.abs((j + 0.5 - middle) / reach)))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (let line = 0; line < lines; line++) {
      const into = (line * to + i) * size
      for (let k = 0; k < size; k++) {
        let sum = 0
        for (let j = first; j < end; j++) sum += weights[j - first]! * values[(line * from + j) * size + k]!
        result[into + k] = sum / total
      }
    }
  }
  return result
}
