/** A plain file's bytes at any place, in any order, through one handle. */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { UserError } from '../../errors.ts'
import { answered } from './answer.ts'

export interface Places {
  readonly file: string
  readonly bytes: number
  /** Fills `into` with what begins at byte `start`. @throws UserError if the file ends before */
  fill(into: Uint8Array, start: number): Promise<void>
  close(): Promise<void>
}

/** The file is opened with the first bytes that are asked for. */
export function openPlaces(file: string, bytes: number, seconds?: number): Places {
  let handle: Promise<FileHandle> | undefined
  return {
    file,
    bytes,
    async fill(into, start) {
      const opened = await answered(file, (handle ??= open(file)), seconds)
      for (let filled = 0; filled < into.length;) {
        const reading = opened.read(into, filled, into.length - filled, start + filled)
        const { bytesRead } = await answered(file, reading, seconds)
        if (bytesRead === 0) throw endsBefore(file, start + into.length, start + filled)
        filled += bytesRead
      }
    },
    async close() {
      await (await handle)?.close()
    },
  }
}

export const endsBefore = (file: string, expected: number, found: number): UserError =>
  new UserError(
    `Expected ${expected} bytes in ${file}, found ${found}: the file is truncated. Copy or download it again`,
  )

const CHUNK_BYTES = 1 << 18

/** The bytes from `start` to `end`, some at a time. */
export async function* chunksOf(
  places: Places,
  start: number,
  end: number,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += chunkBytes) {
    const chunk = new Uint8Array(Math.min(chunkBytes, end - at))
    await places.fill(chunk, at)
    yield chunk
  }
}
