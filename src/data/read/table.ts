import { UserError } from '../../errors.ts'
import { isBuiltin } from '../builtin/index.ts'
import type { DataConfig, DataFormat } from '../config.ts'
import { sliceTable } from '../table.ts'
import type { Table } from '../table.ts'
import { isJpeg } from '../image/jpeg.ts'
import { isPng } from '../image/png.ts'
import { isArrayFormat, readArrayParts, readArrays } from './arrays.ts'
import type { ArrayFormat } from './arrays.ts'
import { openFile, type OpenedFile } from './file.ts'
import { isFolder, isOneText, readFolderParts, readFolders, readOneText, sampleFolders } from './folders.ts'
import { readImages } from './images.ts'
import { readJsonl, readJsonlParts } from './jsonl.ts'
import { withLabelParts, withLabels } from './labels.ts'
import type { Places } from './places.ts'

export interface ReadTable {
  readonly table: Table
  readonly format: DataFormat
}

/**
 * Reads `file`, and the labels beside it if any, as one table. @param mostBytes of arrays only as many rows as these hold
 * @throws UserError for whatever is wrong with them
 */
export async function readTable(
  file: string,
  labels: string | undefined,
  config: DataConfig,
  mostBytes?: number,
): Promise<ReadTable> {
  const { table, format } = await readOne(file, config, labels !== undefined, mostBytes)
  if (labels === undefined) return { table, format }
  const limit = mostBytes === undefined ? config.limit : table.rows
  const read = await readOne(labels, { ...config, format: 'auto', limit }, true)
  return { format, table: withLabels(table, read.table) }
}

/** Rows of a part: few beside a window of training, many beside the work on a part. */
const PART_ROWS = 4096
/** What tells what the columns of a stream are: rows, and bytes of texts, or of images and arrays as numbers. */
const SAMPLE_ROWS = 2 ** 16
const SAMPLE_BYTES = 2 ** 26
/** Of a part of arrays, as numbers for training, and about so many of one of Parquet or Arrow. */
const PART_BYTES = 2 ** 24

/** Which of `files` files stands at a place of an epoch, where the files of a folder can be read in any order. */
export type FileOrder = (files: number) => (place: number) => number

/**
 * `file` as tables of some thousand rows, one after another: memory holds one at a time, and of Parquet a page of each
 * column. @param order of the files of a folder
 */
export async function* readParts(
  file: string,
  labels: string | undefined,
  config: DataConfig,
  order?: FileOrder,
): AsyncGenerator<Table> {
  if (labels === undefined) return yield* partsOf(file, config, false, order)
  const beside = partsOf(labels, { ...config, format: 'auto' }, true)
  yield* withLabelParts(partsOf(file, config, true), beside, labels)
}

/** @param whole as in `readOne` */
async function* partsOf(file: string, config: DataConfig, whole: boolean, order?: FileOrder): AsyncGenerator<Table> {
  if (await isFolder(file, config.timeoutSeconds)) return yield* readFolderParts(file, config, order)
  const opened = await openFile(file, config.timeoutSeconds)
  try {
    const format = config.format && config.format !== 'auto' ? config.format : detectFormat(opened)
    const text = [config.categorical ?? []].flat()
    switch (format) {
      case 'csv':
      case 'tsv': {
        const { readCsvParts } = await import('./csv.ts')
        return yield* readCsvParts(opened, { ...config, delimiter: delimiterOf(format, config), text }, PART_ROWS)
      }
      case 'jsonl':
        return yield* readJsonlParts(opened, { ...config, text }, PART_ROWS)
      case 'parquet': {
        const { readParquetParts } = await import('./parquet.ts')
        return yield* readParquetParts(placesOf(opened), config, PART_ROWS, PART_BYTES)
      }
      case 'arrow': {
        const { readArrowParts } = await import('./arrow.ts')
        return yield* readArrowParts(placesOf(opened), config, PART_ROWS, PART_BYTES)
      }
      case 'text': {
        const { readTextParts } = await import('./text.ts')
        return yield* readTextParts(opened, config, windowsOfPart(config, PART_ROWS))
      }
      case 'idx':
      case 'npy':
      case 'npz':
        return yield* readArrayParts(format, opened, { ...config, whole, mostBytes: PART_BYTES }, PART_ROWS)
      case 'folders':
      case 'images':
        throw notStreamable(format, file)
    }
  } finally {
    await opened.close()
  }
}

/** The first rows of what `readParts` reads; of a folder some of every class. @throws UserError for a format it does not read */
export async function readSample(file: string, labels: string | undefined, config: DataConfig): Promise<ReadTable> {
  const inFolder = await isFolder(file, config.timeoutSeconds)
  if (labels !== undefined && (inFolder || config.format === 'text')) {
    const got = inFolder ? 'a folder' : 'a running text'
    throw new UserError(
      `Expected a file of samples in ${file} beside the labels in ${labels}, got ${got}. Leave them out`,
    )
  }
  if (inFolder) return sampleFolders(file, config, { mostRows: SAMPLE_ROWS, bytes: SAMPLE_BYTES })
  if (config.format === 'text') return { table: await firstWindows(file, config), format: 'text' }
  return readTable(file, labels, { ...config, limit: SAMPLE_ROWS }, SAMPLE_BYTES)
}

async function firstWindows(file: string, config: DataConfig): Promise<Table> {
  const opened = await openFile(file, config.timeoutSeconds)
  try {
    const { readTextParts } = await import('./text.ts')
    for await (const table of readTextParts(opened, config, windowsOfPart(config, SAMPLE_ROWS))) return table
    throw new Error('internal: a text without a window was not refused')
  } finally {
    await opened.close()
  }
}

/** Fewer than `rows` where they are long. */
const windowsOfPart = ({ text }: DataConfig, rows: number): number =>
  Math.max(1, Math.min(rows, Math.floor(SAMPLE_BYTES / 8 / (text?.size ?? 1))))

const notStreamable = (format: DataFormat, file: string): UserError =>
  new UserError(
    `Expected CSV, TSV, JSON Lines, Parquet, Arrow, IDX, NPY, NPZ, a running text or a folder of classes in ${file} for ` +
      `data.streaming, got ${format === 'images' ? 'an image' : format}. Leave data.streaming out`,
  )

const delimiterOf = (format: 'csv' | 'tsv', { delimiter }: DataConfig): string | undefined =>
  delimiter ?? (format === 'tsv' ? '\t' : undefined)

/** `whole`: an NPY array stays one wide column; otherwise each of its columns is one of the table. */
async function readOne(file: string, config: DataConfig, whole: boolean, mostBytes?: number): Promise<ReadTable> {
  if (await isFolder(file, config.timeoutSeconds)) return readFolders(file, config)
  const opened = await openFile(file, config.timeoutSeconds)
  try {
    const format = config.format && config.format !== 'auto' ? config.format : detectFormat(opened)
    if (mostBytes !== undefined && format === 'images') throw notStreamable(format, file)
    const table = isArrayFormat(format)
      ? await readArrays(format, opened, { ...config, whole, mostBytes })
      : await readAs(format, opened, config)
    const rows = Math.min(table.rows, config.limit ?? Infinity)
    return { format, table: rows < table.rows ? sliceTable(table, 0, rows) : table }
  } finally {
    await opened.close()
  }
}

async function readAs(
  format: Exclude<DataFormat, ArrayFormat>,
  opened: OpenedFile,
  config: DataConfig,
): Promise<Table> {
  const { file } = opened
  const text = [config.categorical ?? []].flat()
  switch (format) {
    // Parsers are loaded where a file needs them.
    case 'csv':
    case 'tsv': {
      const { readCsv } = await import('./csv.ts')
      return readCsv(opened, { ...config, delimiter: delimiterOf(format, config), text })
    }
    case 'parquet': {
      const { readParquet } = await import('./parquet.ts')
      return readParquet(placesOf(opened), config)
    }
    case 'arrow': {
      const { readArrow } = await import('./arrow.ts')
      return readArrow(placesOf(opened), config)
    }
    case 'folders':
      return readOneText(file, config)
    case 'images':
      return { file, rows: 1, columns: [await readImages([file], config)] }
    case 'text': {
      const { readText } = await import('./text.ts')
      return readText(opened, config)
    }
    case 'jsonl':
      return readJsonl(opened, { ...config, text })
  }
}

/** Whether what `config` names is one text, for a model that was trained on folders of them. */
export async function holdsOneText({ source, format = 'auto', timeoutSeconds }: DataConfig): Promise<boolean> {
  if (format !== 'auto' || isBuiltin(source) || (await isFolder(source, timeoutSeconds))) return false
  const opened = await openFile(source, timeoutSeconds)
  await opened.close()
  return isOneText(source, opened.head)
}

/** Of formats that are read at many places. */
function placesOf({ file, places }: OpenedFile): Places {
  if (places) return places
  throw new UserError(`Expected a Parquet or Arrow file, got one inside gzip: ${file}. Unpack it first`)
}

/** The format by the first bytes; CSV if they fit no other. */
export function detectFormat({ head, file }: Pick<OpenedFile, 'head' | 'file'>): DataFormat {
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 64)).toString('latin1')
  if (start.startsWith('\x93NUMPY')) return 'npy'
  if (start.startsWith('PAR1')) return 'parquet'
  // A file, or a stream: the length of a first message of metadata after a marker.
  if (start.startsWith('ARROW1') || start.startsWith('\xff\xff\xff\xff')) return 'arrow'
  if (isPng(head) || isJpeg(head)) return 'images'
  if (start.startsWith('PK\x03\x04')) return 'npz'
  if (/^\0\0[\x08-\x0e][\x01-\x10]/.test(start)) return 'idx'
  if (/^(\xef\xbb\xbf)?\s*[{[]/.test(start)) return 'jsonl'
  if (/^(\xff\xfe\0\0|\0\0\xfe\xff)/.test(start)) {
    throw new UserError(`Expected text in UTF-8 in ${file}, got UTF-32. Save it as UTF-8`)
  }
  if (start.includes('\0') && !/^(\xff\xfe|\xfe\xff)/.test(start)) {
    throw new UserError(
      `Expected CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY or NPZ in ${file}, got binary data of another kind`,
    )
  }
  return /\.(tsv|tab)(\.gz)?$/i.test(file) ? 'tsv' : 'csv'
}
