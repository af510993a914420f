/** PNG and JPEG files as rows of one shape: height x width x channels, 0 to 255. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import { decodeJpeg, isJpeg } from '../image/jpeg.ts'
import { toChannels } from '../image/picture.ts'
import type { Picture } from '../image/picture.ts'
import { decodePng, isPng } from '../image/png.ts'
import { resize } from '../image/resize.ts'
import type { NumberColumn } from '../table.ts'
import { answered } from './answer.ts'

const MAX_FILE_BYTES = 2 ** 26
/** As numbers for training they are over 4 GiB, which no arena holds. */
const MAX_NUMBERS = 2 ** 30

export const IMAGES = new Set(['.png', '.jpg', '.jpeg'])

type ImageOptions = Pick<DataConfig, 'images' | 'timeoutSeconds'>

/** A column `image`. @throws UserError naming the file that cannot be read, or is of another size */
export const readImages = (files: readonly string[], config: ImageOptions): Promise<NumberColumn> =>
  imageReader(config)(files)

/** Reads columns `image` whose images have all one size: `data.images.size`, or that of the very first. */
export function imageReader(config: ImageOptions): (files: readonly string[]) => Promise<NumberColumn> {
  const { size, colorMode = 'rgb' } = config.images ?? {}
  const channels = colorMode === 'rgb' ? 3 : 1
  const [height, width] = typeof size === 'number' ? [size, size] : (size ?? [])
  let first: { readonly height: number; readonly width: number; readonly file: string } | undefined
  return async (files) => {
    let values: Uint8Array | undefined
    for (const [row, file] of files.entries()) {
      let picture = toChannels(await readImage(file, config.timeoutSeconds), channels)
      if (height !== undefined && width !== undefined) picture = resize(picture, height, width)
      first ??= { height: picture.height, width: picture.width, file }
      if (picture.height !== first.height || picture.width !== first.width) {
        throw new UserError(
          `${file}: expected an image of ${first.height} x ${first.width} (height x width), as ${first.file} is, got ` +
            `${picture.height} x ${picture.width}. Set data.images.size, to which all are resized.`,
        )
      }
      values ??= take(files, picture.pixels.length)
      values.set(picture.pixels, row * picture.pixels.length)
      await setImmediate()
    }
    return { kind: 'numbers', name: 'image', width: first!.height * first!.width * channels, values: values! }
  }
}

function take(files: readonly string[], numbers: number): Uint8Array {
  if (files.length * numbers <= MAX_NUMBERS) return new Uint8Array(files.length * numbers)
  throw new UserError(
    `Expected at most 2^30 numbers, got ${files.length} images of ${numbers}. Lower data.images.size, set data.limit, or stream them (data.streaming)`,
  )
}

async function readImage(file: string, seconds?: number): Promise<Picture> {
  const bytes = await answered(file, bytesOf(file), seconds)
  if (isPng(bytes)) return decodePng(bytes, file)
  if (isJpeg(bytes)) return decodeJpeg(bytes, file)
  throw new UserError(
    `${file}: expected a PNG or JPEG image, got a file of another kind. Remove it, or save it as one.`,
  )
}

/** Links are not followed: a data set from strangers shows what is in its folder. What may never end is not waited for. */
async function bytesOf(file: string): Promise<Buffer> {
  const refuse = (got: string): never => {
    throw new UserError(`${file}: expected an image file, got ${got}. Remove it, or copy the image to its place.`)
  }
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)).catch(
    ({ code }: NodeJS.ErrnoException) => refuse(code === 'ELOOP' ? 'a link, which is not followed' : (code ?? 'none')),
  )
  try {
    const found = await handle.stat()
    if (!found.isFile()) refuse(found.isDirectory() ? 'a folder' : 'a pipe, socket or device')
    if (found.size > MAX_FILE_BYTES) refuse(`one of ${found.size} bytes (the most are 2^26)`)
    const bytes = Buffer.alloc(found.size)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
