import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openLog } from '../../src/report/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'brigantine-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('one JSON line per epoch and event, written at once, continued when opened again', () => {
  const path = join(folder, 'new', 'log.jsonl')
  const lines = () =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  const log = openLog(path)
  log.event('start', { seed: 1 })
  log.epoch(0, 20, { loss: NaN, acc: 0.5 })
  expect(lines()).toMatchObject([
    { event: 'start', seed: 1 },
    { event: 'epoch', epoch: 1, steps: 20, loss: 'NaN', acc: 0.5 },
  ])
  log.close()
  const again = openLog(path)
  again.event('resume')
  again.close()
  expect(lines()).toHaveLength(3)
})

test('a line that was left unfinished is dropped when the log is continued', () => {
  const path = join(folder, 'torn.jsonl')
  writeFileSync(path, '{"event":"start"}\n{"event":"epo')
  const log = openLog(path)
  log.event('resume')
  log.close()
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['start', 'resume'])
})

test('a log that cannot be written is refused with its path', () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  expect(() => openLog(join(file, 'log.jsonl'))).toThrow(`Cannot write the log \`${join(file, 'log.jsonl')}\``)
})
