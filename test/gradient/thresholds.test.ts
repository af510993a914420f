/** Each constant says where it comes from: a mark of the table in thresholds.ts, whose scripts and tests are there. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { thresholds } from '../../src/gradient/thresholds.ts'

const root = new URL('../../', import.meta.url)
const source = readFileSync(new URL('src/gradient/thresholds.ts', root), 'utf8')
const table = [...source.matchAll(/^ \* \| (\w) +\| (.*) \|$/gm)]
const marks = new Set(table.map(([, mark]) => mark))

test('every entry has a mark of the table, and marks of single fields name fields that it has', () => {
  for (const [name, fields] of Object.entries(thresholds)) {
    const comment =
      new RegExp(`/\\*\\*\\s+((?:(?!\\*/)[^])*?)\\*/\\s+${name}: \\{`).exec(source)?.[1]?.replace(/^\* /, '') ?? ''
    const [whole, ...single] = comment.split('.')[0]!.split(';')
    expect(marks, `${name}: ${comment}`).toContain(whole!.trim())
    for (const part of single) {
      const [mark, names] = part.split(':') as [string, string]
      expect(marks, `${name}: ${part}`).toContain(mark.trim())
      for (const field of names.split(',')) expect(Object.keys(fields), name).toContain(field.trim())
    }
    if (/\bP\b/.test(comment.split('.')[0]!)) expect(comment).toMatch(/arXiv/)
  }
})

test('the scripts and tests that the table names are there', () => {
  const named = table.flatMap(([, , text]) => text!.match(/(?:bench|test)\/[\w/.-]+\.ts/g) ?? [])
  expect(named.length).toBeGreaterThan(3)
  for (const path of named) expect(existsSync(new URL(path, root)), path).toBe(true)
})
