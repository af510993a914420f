/** What an image file holds, and what is refused before memory is taken for it. */
import { UserError } from '../../errors.ts'

export interface Picture {
  readonly width: number
  readonly height: number
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3
  /** height x width x channels, 0 to 255. */
  readonly pixels: Uint8Array
}

/** 33.5 million: larger than the sensors of most cameras. */
export const MAX_PIXELS = 2 ** 25

/**
 * @param bytes of the compressed image
 * @param ratio pixels that a byte can stand for, at the most
 * @throws UserError when what the header declares is too large, or cannot be in so few bytes
 */
export function checkSize(file: string, width: number, height: number, bytes: number, ratio: number): void {
  const size = `${width} x ${height} pixels`
  if (width < 1 || height < 1) throw damaged(file, `its header declares ${size}`)
  if (width * height > MAX_PIXELS) {
    throw new UserError(`${file}: expected at most 2^25 (33.5 million) pixels, got ${size}. Make the image smaller.`)
  }
  if (width * height > bytes * ratio) throw damaged(file, `${size} cannot be in ${bytes} bytes`)
}

export const damaged = (file: string, why: string): UserError =>
  new UserError(`${file}: expected a whole image, but it is truncated or damaged: ${why}. Copy or download it again.`)

/** Grey as ITU-R BT.601 weighs it, which Pillow and Keras do too; or grey in all three. */
export function toChannels({ width, height, channels, pixels }: Picture, wanted: 1 | 3): Picture {
  if (channels === wanted) return { width, height, channels, pixels }
  const count = width * height
  const into = new Uint8Array(count * wanted)
  for (let i = 0; i < count; i++) {
    if (wanted === 3) into.fill(pixels[i]!, 3 * i, 3 * i + 3)
    else into[i] = Math.round((299 * pixels[3 * i]! + 587 * pixels[3 * i + 1]! + 114 * pixels[3 * i + 2]!) / 1000)
  }
  return { width, height, channels: wanted, pixels: into }
}
