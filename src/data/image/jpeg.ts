/** JPEG, baseline and progressive. The only import of jpeg-js, which users add; its orientation by Exif is not followed. */
import { UserError } from '../../errors.ts'
import { checkSize, damaged, MAX_PIXELS } from './picture.ts'
import type { Picture } from './picture.ts'

/** The least that a block of 64 pixels takes is a bit. */
const MAX_RATIO = 64 * 8
const MAX_MEGABYTES = 1024
const START_OF_SCAN = 0xda

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff

/** @throws UserError naming `file` and what is wrong with it, or that jpeg-js is not installed */
export async function decodeJpeg(bytes: Uint8Array, file: string): Promise<Picture> {
  const { width, height, components } = headerOf(bytes, file)
  checkSize(file, width, height, bytes.length, MAX_RATIO)
  const { decode } = await import('jpeg-js').then(
    (module) => module.default,
    (cause: unknown) => {
      throw new UserError(`Reading ${file} needs the package jpeg-js: npm install jpeg-js`, { cause })
    },
  )
  let data: Uint8Array
  try {
    const limits = { maxResolutionInMP: MAX_PIXELS / 1e6, maxMemoryUsageInMB: MAX_MEGABYTES }
    data = decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits }).data
  } catch (cause) {
    throw new UserError(damaged(file, (cause as Error).message).message, { cause })
  }
  if (data.length !== width * height * 3) throw damaged(file, 'it has more than one header')
  if (components !== 1) return { width, height, channels: 3, pixels: data }
  return { width, height, channels: 1, pixels: data.filter((_, i) => i % 3 === 0) }
}

/** From the start of the frame, which comes before the pixels. */
function headerOf(bytes: Uint8Array, file: string): { width: number; height: number; components: number } {
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!
  let found: { width: number; height: number; components: number } | undefined
  for (let at = 2; at + 10 <= bytes.length; at += 2 + word(at + 2)) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++
    const marker = bytes[at + 1]!
    if (bytes[at] !== 0xff) throw damaged(file, `at byte ${at} no part of it begins`)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame && marker > 0xc2) {
      throw new UserError(`${file}: expected a baseline or progressive JPEG, got a lossless or arithmetic-coded one.`)
    }
    if (isFrame) found = { height: word(at + 5), width: word(at + 7), components: bytes[at + 9]! }
    if (marker !== START_OF_SCAN) continue
    if (!found) throw damaged(file, 'its pixels come before its header')
    const isWhole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf('ffd9', undefined, 'hex') > at
    if (!isWhole) throw damaged(file, `it ends after ${bytes.length} bytes, without an end`)
    return found
  }
  throw damaged(file, `it ends after ${bytes.length} bytes, before its pixels`)
}
