/** What holds of every reader, whatever it is given. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { endsBefore } from '../../src/data/read/places.ts'
import type { Places } from '../../src/data/read/places.ts'
import { UserError } from '../../src/errors.ts'

export const CASES = Number(process.env.BRIGANTINE_FUZZ ?? 10_000)
export const TIMEOUT_MILLIS = 60_000 + CASES * 10
/** Of the largest file here that is read whole: far above what any of them needs. */
const MOST_BYTES = 300e6

/** Reads or refuses. */
async function survive(read: () => unknown): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    expect(error.message.length).toBeGreaterThan(10)
  }
}

export async function fuzz<T extends unknown[]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  read: (...values: T) => unknown,
): Promise<void> {
  const before = process.memoryUsage().rss
  const property = fc.asyncProperty(fc.tuple<T>(...arbitraries), (values) => survive(() => read(...values)))
  await fc.assert(property, { numRuns: CASES })
  expect(Object.keys(Object.prototype)).toEqual([])
  expect('polluted' in {}).toBe(false)
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES)
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
