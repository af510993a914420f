/** Tables as text and running texts of strangers: their bytes and cells are changed, and what the config says of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parseConfig } from '../../src/config/schema.ts'
import { loadData } from '../../src/data/load.ts'
import { readCsvParts } from '../../src/data/read/csv.ts'
import { readJsonlParts } from '../../src/data/read/jsonl.ts'
import { readTextParts } from '../../src/data/read/text.ts'
import { changed, changes, cuts, mangled } from './mutate.ts'
import { openedOf, reader } from './survive.ts'

const drain = async (parts: AsyncIterable<unknown>) => {
  for await (const part of parts) void part
}

const CSV = [
  '\ufeffa,b,"c d",kind\r\n1,-2.5,"x, ""y""",one\n3,1e3,,two\n\n5,NA,z,one\n 7 ,0x8,"two\nlines",two\n',
  '1;2.5;x\n3;-1;y\n\n5;;x\n7;1e3;zz\n',
].map((text) => Buffer.from(text))
const JSONL = `{"a":1,"b":[1,2],"t":"x","f":true}
{"t":"","a":null,"b":[3,4],"f":false}

{"a":-1e3,"b":[5,6.5],"t":"\\ud83d\\ude00","f":true}
`
const PLAIN =
  'Call me Ishmael. Some years ago, \u2014 never mind how long precisely \u2014 \u{1f40b}\r\nhaving little money\n'.repeat(
    2,
  )

const chunk = fc.integer({ min: 1, max: 40 })
const part = fc.constantFrom(1, 2, 3, Infinity)
const options = fc.record(
  {
    header: fc.boolean(),
    delimiter: fc.constantFrom(...',,,,;'.split(''), '\t', '"', '\n', ' '),
    missing: fc.constantFrom<string[]>([], ['1'], ['x', '']),
    limit: fc.nat(4),
    text: fc.constantFrom<(string | number)[]>(['a'], [0], ['__proto__']),
  },
  { requiredKeys: [] },
)

const rows = [
  ['a', 'b', 'kind', 'day'],
  ['1', '2.5', 'x', '2020-01-01'],
  ['3', '-1', 'y', '2020-01-02'],
  ['5', '', 'x', '2020-02-03'],
  ['7', '8', 'y', ''],
  ['9', '1e3', 'x', 'NA'],
  ['-1', '0', 'y', '1999-12-31'],
]
const data = {
  source: 'replaced',
  target: 'kind',
  features: ['a', 'b', 1],
  categorical: ['a'],
  unknownCategory: 'zero',
  text: { columns: ['day'], tokens: 'chars', size: 4 },
  header: true,
  delimiter: ',',
  missing: ['', 'NA'],
  fillMissing: 'mean',
  scale: 'standardize',
  validationSplit: 0.2,
  limit: 10,
  task: 'classification',
}
/** Rows of which the changes left something else are cells that hold commas. */
const csvOf = (table: unknown): string =>
  Array.isArray(table)
    ? table.map((row) => (Array.isArray(row) ? row.map(textOf).join(',') : textOf(row))).join('\n')
    : textOf(table)
const textOf = (cell: unknown): string => (typeof cell === 'string' ? cell : (JSON.stringify(cell) ?? 'NaN'))

const folder = mkdtempSync(join(tmpdir(), 'brigantine-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const source = join(folder, 'hostile.csv')

export const texts = [
  reader('CSV file', [fc.constantFrom(...CSV), cuts, options, chunk, part], (whole, list, options, chunk, rows) =>
    drain(readCsvParts(openedOf(mangled(whole, list), chunk), options, rows)),
  ),

  reader('JSON Lines file', [cuts, options, chunk, part], (list, options, chunk, rows) =>
    drain(readJsonlParts(openedOf(mangled(Buffer.from(JSONL), list), chunk), options, rows)),
  ),

  reader(
    'running text',
    [cuts, fc.constantFrom('chars', 'bytes'), fc.integer({ min: 1, max: 60 }), chunk, fc.integer({ min: 1, max: 3 })],
    (list, tokens, size, chunk, rows) =>
      drain(readTextParts(openedOf(mangled(Buffer.from(PLAIN), list), chunk), { text: { tokens, size } }, rows)),
  ),

  // The table as the changes leave it, read, split and transformed as the config says that they leave.
  reader(
    'table and what the config says of it',
    [fc.option(changes, { freq: 2 }), fc.option(changes, { freq: 2 })],
    async (list, more) => {
      writeFileSync(source, csvOf(list ? changed(rows, list) : rows))
      const given = more ? changed(data, more) : data
      const { data: config } = parseConfig({
        model: { layers: [{ type: 'dense', units: 2 }] },
        data: typeof given === 'object' && given !== null ? { ...given, source } : given,
      })
      if (config) await loadData({ ...config, source }, 1)
    },
  ),
]
