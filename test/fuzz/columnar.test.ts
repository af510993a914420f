import { describe, expect, it } from 'vitest'
import { columnar, unchanged } from './columnar.ts'
import { CASES, fuzz, TIMEOUT_MILLIS } from './fuzz.ts'

describe('unchanged, what the fuzz of columns begins from', () => {
  it.each(unchanged)('$what is read', async ({ rows, read }) => {
    const table = await read()
    expect(table.rows).toBe(rows)
    expect(table.columns.length).toBeGreaterThan(0)
  })
})

describe(`a hostile, ${CASES} times`, () => {
  it.each(columnar)('$name', { timeout: TIMEOUT_MILLIS }, fuzz)
})
