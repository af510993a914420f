/**
 * Whatever a stranger's config or file says, it is read or refused with a message for people: no other error, no hang, no
 * memory on its word, no prototype changed. The million of each is `test/fuzz/million.ts`.
 */
import { describe, it } from 'vitest'
import { arrays } from './arrays.ts'
import { CASES, fuzz, TIMEOUT_MILLIS } from './fuzz.ts'
import { models } from './models.ts'
import { texts } from './texts.ts'

describe(`a hostile, ${CASES} times`, () => {
  it.each([...models, ...arrays, ...texts])('$name', { timeout: TIMEOUT_MILLIS }, fuzz)
})
