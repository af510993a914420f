/** What holds of every reader, whatever it is given. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readerOf } from '../../src/data/read/file.ts'
import type { OpenedFile } from '../../src/data/read/file.ts'
import { endsBefore } from '../../src/data/read/places.ts'
import type { Places } from '../../src/data/read/places.ts'
import { UserError } from '../../src/errors.ts'

/** Of the largest file here that is read whole: far above what any of them needs. */
export const MOST_BYTES = 300e6

/** A reader of what strangers give, and how that is drawn. */
export interface Reader {
  readonly name: string
  /** It reads or refuses; `seen` is told which. */
  property(seen?: (isRead: boolean, error?: Error) => void): fc.IAsyncPropertyWithHooks<unknown>
}

export function reader<T extends unknown[]>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  read: (...values: T) => unknown,
): Reader {
  const drawn = fc.tuple<T>(...arbitraries)
  return {
    name,
    property: (seen) =>
      fc.asyncProperty(drawn, async (values) => {
        try {
          await read(...values)
          seen?.(true)
        } catch (error) {
          if (!(error instanceof UserError)) throw error
          assert(error.message.length > 10, `a message that says nothing: ${error.message}`)
          seen?.(false, error)
        }
      }) as fc.IAsyncPropertyWithHooks<unknown>,
  }
}

export function checkPrototypes(): void {
  assert.deepEqual(Object.keys(Object.prototype), [])
  assert(!('polluted' in {}), 'Object.prototype was changed')
}

/** Bytes in memory in place of a file. */
export const placesOf = (content: Uint8Array): Places => ({
  file: 'hostile',
  bytes: content.length,
  async fill(into, start) {
    if (start + into.length > content.length) throw endsBefore('hostile', start + into.length, content.length)
    into.set(content.subarray(start, start + into.length))
  },
  async close() {},
})

/** The same as a file that was opened, in chunks of so many bytes. */
export function openedOf(content: Uint8Array, chunkBytes = content.length): OpenedFile {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes)
  }
  const chunks = pieces()
  return { ...readerOf(chunks, 'hostile', content.length, true), head: content, chunks, places: placesOf(content) }
}
