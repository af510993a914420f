import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { blankComments, loadConfigFile } from '../../src/config/file.ts'
import { parseConfig } from '../../src/config/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'brigantine-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const wanted = { epochs: 3, model: { layers: [{ type: 'dense', units: 2 }] } }

describe('the same config is read from', () => {
  test.each([
    ['run.yaml', 'epochs: 3\nmodel:\n  layers:\n    - { type: dense, units: 2 }\n'],
    [
      'run.json',
      '\uFEFF{\n\t// three\n\t"epochs": 3, "model": {"layers": [{"type": "dense", "units": 2}]} /* end */\n}',
    ],
    ['run.ts', "const epochs: number = 3\nexport default { epochs, model: { layers: [{ type: 'dense', units: 2 }] } }"],
    ['run.mjs', "export default { epochs: 3, model: { layers: [{ type: 'dense', units: 2 }] } }"],
  ])('%s', async (name, text) => {
    expect((await loadConfigFile(write(name, text))).value).toEqual(wanted)
  })
})

describe('a message names file, line and column', () => {
  test('of a wrong value: those of its key', async () => {
    const path = write('wrong.yaml', 'epochs: 3\nmodel:\n  layers:\n    - type: dense\n      units: 0\n')
    const { value, locate } = await loadConfigFile(path)
    expect(() => parseConfig(value, locate)).toThrow(`${path}:5:7: \`model.layers[0].units\`: expected an integer`)
  })

  test('of a missing field: those of the object that lacks it', async () => {
    const path = write('missing.yaml', 'model:\n  layers:\n    - type: dense\n')
    const { value, locate } = await loadConfigFile(path)
    expect(() => parseConfig(value, locate)).toThrow(`${path}:3:7: \`model.layers[0].units\`: missing`)
  })

  test('of broken syntax', async () => {
    const path = write('broken.json', '{\n  "epochs": [1, 2\n}')
    await expect(loadConfigFile(path)).rejects.toThrow(`${path}:3:1: `)
  })
})

test.each([
  ['empty.yaml', '', 'expected a config with fields, got nothing'],
  ['list.yaml', '- 1', 'expected a config with fields'],
  ['none.mjs', 'export const x = 1', 'expected a default export that is a config object, got `undefined`'],
])('%s is refused', async (name, text, message) => {
  await expect(loadConfigFile(write(name, text))).rejects.toThrow(message)
})

test.each(['nowhere.yaml', 'nowhere.ts'])('a file that is not there: %s', async (name) => {
  const path = join(folder, name)
  await expect(loadConfigFile(path)).rejects.toThrow(`${path}: cannot read the config: no such file`)
})

test('relative data paths are meant from the folder of the file', async () => {
  const text = 'data: { source: a.csv, test: /data/b.csv, target: c.csv }'
  const { value } = await loadConfigFile(write('data.yaml', text))
  const source = relative(process.cwd(), resolve(folder, 'a.csv'))
  expect(value.data).toEqual({ source, test: '/data/b.csv', target: 'c.csv' })
  expect((await loadConfigFile(write('digits.yaml', 'data: digits'))).value.data).toBe('digits')
})

test('__proto__ in a file changes no prototype and is refused', async () => {
  const { value, locate } = await loadConfigFile(write('hostile.yaml', '__proto__: { polluted: true }\nepochs: 1\n'))
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(() => parseConfig(value, locate)).toThrow('`__proto__`: unknown field')
})

test('a small file of aliases cannot become a large config', async () => {
  const levels = Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)
  const path = write('bomb.yaml', ['a0: &a0 [1]', ...levels].join('\n'))
  await expect(loadConfigFile(path)).rejects.toThrow('alias')
})

test('comments become spaces, also beside strings that look like them', () => {
  expect(blankComments('{"a": "x//y", // z\n "b": /* c */ 1}')).toBe('{"a": "x//y",     \n "b":         1}')
})
