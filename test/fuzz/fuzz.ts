/** A reader held to what it is given: 10,000 cases in the tests. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { checkPrototypes, MOST_BYTES } from './survive.ts'
import type { Reader } from './survive.ts'

export const CASES = 10_000
/** For a reader that hangs, however busy the machine: 10,000 cases take seconds of its own time. */
export const TIMEOUT_MILLIS = 60_000 + CASES * 60

export async function fuzz(reader: Reader): Promise<void> {
  const before = process.memoryUsage().rss
  await fc.assert(reader.property(), { numRuns: CASES })
  checkPrototypes()
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES)
}
