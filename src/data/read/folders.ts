/** Texts in class folders: one file a row, its folder the class. Folders may share a class. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { suggest, UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'

const TEXTS = new Set(['', '.txt', '.text', '.md', '.html', '.eml'])
/** Of one file. What is behind is not read: a text of this length says what it is about. */
const MAX_TEXT_BYTES = 2 ** 20
/** Files open at a time. */
const AT_ONCE = 64

/** Columns `text` and `label`, in the order of classes, folders and file names. @throws UserError naming the folder */
export async function readFolders(folder: string, config: Pick<DataConfig, 'folders' | 'limit'>): Promise<Table> {
  const found = await subfolders(folder)
  const classes = config.folders ?? Object.fromEntries(found.map((name) => [name, [name]]))
  const files: { path: string; label: string }[] = []
  for (const [label, names] of Object.entries(classes)) {
    for (const name of names) {
      if (!found.includes(name)) {
        const close = suggest(name, found)
        throw new UserError(
          `Expected data.folders to name folders of ${folder}, got ${JSON.stringify(name)}.` +
            `${close ? ` Did you mean ${JSON.stringify(close)}?` : ''} There are: ${found.join(', ')}`,
        )
      }
      const entries = await readdir(join(folder, name), { withFileTypes: true })
      const texts = entries.filter((entry) => entry.isFile() && TEXTS.has(extname(entry.name).toLowerCase()))
      for (const file of texts.map((entry) => entry.name).sort()) files.push({ path: join(folder, name, file), label })
    }
  }
  if (files.length === 0) {
    throw new UserError(
      `Expected texts (${[...TEXTS].filter(Boolean).join(', ')}) in the folders of ${folder}, found none`,
    )
  }
  const chosen = evenly(files, config.limit ?? Infinity)
  const texts: string[] = []
  for (let start = 0; start < chosen.length; start += AT_ONCE) {
    texts.push(...(await Promise.all(chosen.slice(start, start + AT_ONCE).map(({ path }) => textOf(path)))))
  }
  const labels = chosen.map(({ label }) => label)
  return {
    file: folder,
    rows: chosen.length,
    columns: [
      { kind: 'text', name: 'text', width: 1, values: texts },
      { kind: 'text', name: 'label', width: 1, values: labels },
    ],
    defaultTarget: 'label',
  }
}

export const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  if (names.length > 0) return names.sort()
  throw new UserError(
    `Expected a data file, or a folder for each class in ${folder}, got a directory without any. Name a file in it`,
  )
}

/** Of every class in proportion: the first files alone would be of one class. */
function evenly<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items
  return Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)]!)
}

/** UTF-8 where it is that, else Latin-1, which every byte is. */
async function textOf(path: string): Promise<string> {
  const bytes = (await readFile(path)).subarray(0, MAX_TEXT_BYTES)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
