/**
 * What people and strangers get wrong, and what they are told: each entry has its message and ends with exit code 2, none
 * with a stack trace, an internal error or a line on stdout. `…` stands for a list or another's words.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cliCases } from './cli.ts'
import { configCases } from './config.ts'
import { dataCases } from './data.ts'
import { libraryCases } from './library.ts'
import { modelsCases } from './models.ts'
import { ofCall, ofCommandLine, ofConfig, ofData, ofModelFile, writeInputs } from './runners.ts'
import type { Outcome } from './runners.ts'

const before = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'brigantine-catalogue-'))
beforeAll(() => {
  process.chdir(folder)
  writeInputs()
})
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true })
})

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const pattern = (message: string) => new RegExp(`^${message.split('…').map(escaped).join('[^]*')}$`)

function check({ code, message }: Outcome, expected: string): void {
  expect(message).toMatch(pattern(expected))
  expect(message).not.toMatch(/\n {4}at |internal/)
  expect(code).toBe(2)
}

describe('bad input is told in one message, with exit code 2', () => {
  it.each(configCases)('config %#: %j', async (fields, message) => check(await ofConfig(fields), message))
  it.each(cliCases)('command line %j', async (argv, message) => check(await ofCommandLine(argv), message))
  it.each(dataCases)('data $name', async (input, message) => check(await ofData(input), message))
  it.each(modelsCases)('model file $name', async (input, message) => check(await ofModelFile(input), message))
  it.each(libraryCases)('call %#', async (call, message) => check(await ofCall(call), message))
})

it('has at least 300 entries', () => {
  const parts = [configCases, cliCases, dataCases, modelsCases, libraryCases]
  expect(parts.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThanOrEqual(300)
})
