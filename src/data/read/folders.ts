/** Texts or images in class folders: one file a row, its folder the class. Folders may share a class. */
import type { Dirent } from 'node:fs'
import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { suggest, UserError } from '../../errors.ts'
import type { DataConfig, DataFormat } from '../config.ts'
import type { Column, Table } from '../table.ts'
import { answered } from './answer.ts'
import { imageReader, IMAGES } from './images.ts'
import { decodeText } from './text.ts'

const TEXTS = new Set(['', '.txt', '.text', '.md', '.html', '.eml'])
/** Of one file. What is behind is not read: a text of this length says what it is about. */
const MAX_TEXT_BYTES = 2 ** 20
/** Files open at a time, and of a part. */
const AT_ONCE = 64
const PART_BYTES = 2 ** 24

interface Found {
  readonly path: string
  readonly label: string | undefined
}

type FolderOptions = Pick<DataConfig, 'folders' | 'limit' | 'images' | 'timeoutSeconds'>

/**
 * Columns `text` or `image`, whichever there are more of, and `label`, in the order of classes, folders and file names.
 * Files that lie in no class folder have no label. @throws UserError naming the folder or file
 */
export async function readFolders(
  folder: string,
  config: FolderOptions,
): Promise<{ table: Table; format: DataFormat }> {
  const listed = await listFolders(folder, config)
  const chosen = evenly(listed.files, config.limit ?? Infinity)
  return { table: await tableOf(listed, chosen, readerOf(listed, config)), format: formatOf(listed) }
}

/** One text of such a folder, without a class. */
export async function readOneText(file: string, { timeoutSeconds }: FolderOptions): Promise<Table> {
  const values = await readTexts([file], timeoutSeconds)
  return { file, rows: 1, columns: [{ kind: 'text', name: 'text', width: 1, values }] }
}

/** Whether a file is such a text: called as one, and no table or JSON Lines with a column of texts. */
export const isOneText = (file: string, head: Uint8Array): boolean =>
  isText(file) && !/(^|[\t,;|"])text($|[\t,;|"\r])/.test(decodeText(head).split('\n', 1)[0]!)

/** As `readFolders`, but only so many of the files, evenly, as take about `bytes` and are at most `mostRows`. */
export async function sampleFolders(
  folder: string,
  config: FolderOptions,
  { mostRows, bytes }: { readonly mostRows: number; readonly bytes: number },
): Promise<{ table: Table; format: DataFormat }> {
  const listed = await listFolders(folder, config)
  const each = await bytesOfEach(listed, config)
  const chosen = evenly(listed.files, Math.max(1, Math.min(mostRows, Math.floor(bytes / each))))
  return { table: await tableOf(listed, chosen, readerOf(listed, config)), format: formatOf(listed) }
}

/**
 * As `readFolders`, tables of some files.
 * @param order which file stands at a place; without one they come as `readFolders` has them, class after class
 */
export async function* readFolderParts(
  folder: string,
  config: FolderOptions,
  order?: (files: number) => (place: number) => number,
): AsyncGenerator<Table> {
  const listed = await listFolders(folder, config)
  const { files } = listed
  const read = readerOf(listed, config)
  const fileAt = order?.(files.length) ?? ((place: number) => place)
  const partRows = Math.max(1, Math.min(AT_ONCE, Math.floor(PART_BYTES / (await bytesOfEach(listed, config)))))
  for (let start = 0; start < files.length; start += partRows) {
    const rows = Math.min(partRows, files.length - start)
    const chosen = Array.from({ length: rows }, (_, i) => files[fileAt(start + i)]!)
    yield { ...(await tableOf(listed, chosen, read)), firstRow: start }
  }
}

interface Listed {
  readonly folder: string
  readonly files: readonly Found[]
  readonly isImages: boolean
}

const formatOf = ({ isImages }: Listed): DataFormat => (isImages ? 'images' : 'folders')

async function listFolders(folder: string, config: FolderOptions): Promise<Listed> {
  const all = await filesOf(folder, config)
  const texts = all.filter(({ path }) => isText(path))
  const images = all.filter(({ path }) => isImage(path))
  const isImages = images.length > texts.length
  const files = isImages ? images : texts
  if (files.length > 0) return { folder, files, isImages }
  const kinds = [...TEXTS, ...IMAGES].filter(Boolean).join(', ')
  throw new UserError(`Expected texts or images (${kinds}) in the folders of ${folder}, found none`)
}

type Reader = (paths: readonly string[]) => Promise<Column>

function readerOf({ isImages }: Listed, config: FolderOptions): Reader {
  if (isImages) return imageReader(config)
  return async (paths) => ({
    kind: 'text',
    name: 'text',
    width: 1,
    values: await readTexts(paths, config.timeoutSeconds),
  })
}

async function tableOf({ folder, files }: Listed, chosen: readonly Found[], read: Reader): Promise<Table> {
  const columns = [await read(chosen.map(({ path }) => path))]
  const labels = chosen.map(({ label }) => label ?? null)
  if (chosen[0]!.label !== undefined) columns.push({ kind: 'text', name: 'label', width: 1, values: labels })
  const classes = new Set(files.flatMap(({ label }) => label ?? []))
  return { file: folder, rows: chosen.length, columns, defaultTarget: 'label', classes: [...classes] }
}

/** Of an image those that it has as numbers for training; of a text its own, on the average of some. */
async function bytesOfEach({ files, isImages }: Listed, config: FolderOptions): Promise<number> {
  if (isImages) {
    const { width } = await imageReader(config)([files[0]!.path])
    return 4 * width
  }
  const some = evenly(files, AT_ONCE)
  const sizes = await Promise.all(some.map(({ path }) => answered(path, stat(path), config.timeoutSeconds)))
  return sizes.reduce((sum, { size }) => sum + Math.min(size, MAX_TEXT_BYTES), 0) / sizes.length
}

/** By its name; one that begins with a dot is another system's note about it. */
const isImage = (path: string): boolean => IMAGES.has(extname(path).toLowerCase()) && !basename(path).startsWith('.')

const isText = (path: string): boolean => TEXTS.has(extname(path).toLowerCase())

/** What lies in the class folders; in a folder without any, the images and texts in it. */
async function filesOf(folder: string, config: Pick<DataConfig, 'folders' | 'timeoutSeconds'>): Promise<Found[]> {
  const found = await subfolders(folder, config.timeoutSeconds)
  if (found.length === 0) {
    const entries = await readdir(folder, { withFileTypes: true })
    const isPlainText = (entry: Dirent) => entry.isFile() && isText(entry.name) && !entry.name.startsWith('.')
    const names = entries.filter((entry) => isImage(entry.name) || isPlainText(entry)).map(({ name }) => name)
    if (names.length > 0) return names.sort().map((name) => ({ path: join(folder, name), label: undefined }))
    throw new UserError(
      `Expected a data file, or a folder for each class in ${folder}, got a directory without any. Name a file in it`,
    )
  }
  const classes = config.folders ?? Object.fromEntries(found.map((name) => [name, [name]]))
  const files: Found[] = []
  for (const [label, names] of Object.entries(classes)) {
    for (const name of names) {
      if (!found.includes(name)) {
        const close = suggest(name, found)
        throw new UserError(
          `Expected data.folders to name folders of ${folder}, got ${JSON.stringify(name)}.` +
            `${close ? ` Did you mean ${JSON.stringify(close)}?` : ''} There are: ${found.join(', ')}`,
        )
      }
      const inside = readdir(join(folder, name), { withFileTypes: true })
      const entries = await answered(join(folder, name), inside, config.timeoutSeconds)
      // A link or pipe that is called an image is refused when it is read.
      const kept = entries.filter((entry) => entry.isFile() || isImage(entry.name))
      for (const file of kept.map((entry) => entry.name).sort()) files.push({ path: join(folder, name, file), label })
    }
  }
  return files
}

async function readTexts(paths: readonly string[], seconds?: number): Promise<string[]> {
  const texts: string[] = []
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    texts.push(...(await Promise.all(paths.slice(start, start + AT_ONCE).map((path) => textOf(path, seconds)))))
  }
  return texts
}

export const isFolder = async (path: string, seconds?: number): Promise<boolean> =>
  (
    await answered(
      path,
      stat(path).catch(() => undefined),
      seconds,
    )
  )?.isDirectory() ?? false

async function subfolders(folder: string, seconds?: number): Promise<string[]> {
  const entries = await answered(folder, readdir(folder, { withFileTypes: true }), seconds)
  for (const entry of entries) {
    if (!entry.isSymbolicLink() || !(await isFolder(join(folder, entry.name), seconds))) continue
    throw new UserError(
      `${join(folder, entry.name)}: expected the folder of a class, got a link, which is not followed. Copy the folder to its place, or remove the link.`,
    )
  }
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** Of every class in proportion: the first files alone would be of one class. */
function evenly<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items
  return Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)]!)
}

async function textOf(path: string, seconds?: number): Promise<string> {
  return decodeText((await answered(path, readFile(path), seconds)).subarray(0, MAX_TEXT_BYTES))
}
