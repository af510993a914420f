/** Texts: in class folders, and as numbers. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadData, readDataset } from '../../src/data/load.ts'
import { readTable } from '../../src/data/read/table.ts'
import type { Table } from '../../src/data/table.ts'
import { applyTransform, fitTransform } from '../../src/data/transform.ts'
import type { TextConfig } from '../../src/data/transform.ts'
import { tableOfRecords } from '../../src/data/records.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-text-'))
  for (const [name, texts] of Object.entries({ ham: ['hi', 'ho'], more: ['ha'], spam: ['buy', 'now!', 'b\xfcy'] })) {
    await mkdir(join(folder, name))
    for (const [i, text] of texts.entries())
      await writeFile(join(folder, name, `${i}.txt`), Buffer.from(text, 'latin1'))
    await writeFile(join(folder, name, 'about.json'), '{}')
  }
})
afterAll(() => rm(folder, { recursive: true }))

describe('class folders of texts', () => {
  const read = async (more = {}) => (await readTable(folder, undefined, { source: folder, ...more })).table

  it('are a row for each file of text, in order; what is not UTF-8 is Latin-1', async () => {
    const { rows, columns, defaultTarget } = await read()
    expect([rows, defaultTarget]).toEqual([6, 'label'])
    expect(columns.map(({ values }) => values)).toEqual([
      ['hi', 'ho', 'ha', 'buy', 'now!', 'büy'],
      ['ham', 'ham', 'more', 'spam', 'spam', 'spam'],
    ])
  })

  it('may share a class, and a limit takes of every class', async () => {
    const { columns } = await read({ folders: { good: ['more', 'ham'], bad: ['spam'] }, limit: 4 })
    expect(columns[1]!.values).toEqual(['good', 'good', 'bad', 'bad'])
  })

  it('that are not there are named', async () => {
    await expect(read({ folders: { a: ['hams'] } })).rejects.toThrow(/"hams".*mean "ham".*ham, more, spam/)
    await mkdir(join(folder, 'ham', 'empty'))
    const bare = readTable(join(folder, 'ham', 'empty'), undefined, { source: 'x' })
    await expect(bare).rejects.toThrow(/a folder for each class/)
    await rm(join(folder, 'ham', 'empty'), { recursive: true })
  })

  it('are data to train on, with texts as words', async () => {
    const config = {
      source: folder,
      folders: { no: ['ham', 'more'], yes: ['spam'] },
      text: { tokens: 'words', size: 64 } as const,
    }
    const { train, transform } = await loadData(config, 0)
    expect(train).toMatchObject({ rows: 6, features: 64, targets: 1, classNames: ['no', 'yes'] })
    expect((await readDataset(config, transform)).x).toEqual(train.x)
    // A folder without classes is texts to predict, and none to train on.
    const ham = await readDataset({ ...config, source: join(folder, 'ham') }, transform)
    expect([ham.targets, ham.x]).toEqual([0, train.x.subarray(0, ham.rows * 64)])
    const alone = loadData({ ...config, source: join(folder, 'ham') }, 0)
    await expect(alone).rejects.toThrow(/a folder of texts for each class in .*, got texts without a class/)
  })
})

describe('texts as numbers', () => {
  const table = (...texts: (string | null)[]): Table => ({
    file: 'texts',
    rows: texts.length,
    columns: [
      { kind: 'text', name: 'text', width: 1, values: texts },
      { kind: 'numbers', name: 'y', width: 1, values: Float64Array.from(texts, (_, i) => i) },
    ],
  })
  const numbers = (text: TextConfig, train: readonly string[], rows: readonly string[] = train) => {
    const transform = fitTransform(table(...train), { text, target: 'y', task: 'regression' })
    const { x, features } = applyTransform(transform, table(...rows))
    return Array.from({ length: rows.length }, (_, i) => Array.from(x.subarray(i * features, (i + 1) * features)))
  }

  it('words: log counts of length 1, whatever their order and case', () => {
    const [one, same, other, none] = numbers({ tokens: 'words', size: 512 }, [
      'Buy, buy now',
      'now BUY buy',
      'buy',
      '...',
    ])
    expect(one).toEqual(same)
    const size = Math.hypot(Math.log(3), Math.log(2))
    const values = one!.filter((value) => value !== 0).sort()
    expect(values[0]).toBeCloseTo(Math.log(2) / size, 6)
    expect(values[1]).toBeCloseTo(Math.log(3) / size, 6)
    expect(other!.filter((value) => value !== 0)).toEqual([1])
    expect(one!.findIndex((value) => value === values[1]!)).toBe(other!.indexOf(1))
    expect(none!.every((value) => value === 0)).toBe(true)
  })

  it('bytes: the first ones plus 1, 0 where there are no more', () => {
    expect(numbers({ tokens: 'bytes', size: 4 }, ['ab', 'ü', 'abcdef'])).toEqual([
      [98, 99, 0, 0],
      [0xc3 + 1, 0xbc + 1, 0, 0],
      [98, 99, 100, 101],
    ])
  })

  it('characters: by how often training has them, 1 for those it has not', () => {
    expect(numbers({ tokens: 'chars', size: 4 }, ['banan', '😀a'], ['ab😀z', 'nnnnn'])).toEqual([
      [2, 3, 5, 1],
      [4, 4, 4, 4],
    ])
  })

  it('are read from records as from files; a missing one is named', () => {
    const transform = fitTransform(table('a b', 'b'), { text: { tokens: 'words', size: 16 }, target: 'y' })
    const records = tableOfRecords([{ text: 'a b' }, { text: 'b' }], transform)
    expect(applyTransform(transform, records).x).toEqual(applyTransform(transform, table('a b', 'b')).x)
    expect(() => applyTransform(transform, tableOfRecords([{ text: null }], transform))).toThrow(/"text"|text/)
  })
})
