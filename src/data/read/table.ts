import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { ColumnRef, DataConfig, DataFormat } from '../config.ts'
import type { Column, NumberArray, Table } from '../table.ts'
import { isJpeg } from '../image/jpeg.ts'
import { isPng } from '../image/png.ts'
import type { Matrix } from './elements.ts'
import { openFile, type OpenedFile } from './file.ts'
import { isFolder, readFolderParts, readFolders, sampleFolders } from './folders.ts'
import { readImages } from './images.ts'
import { readIdx } from './idx.ts'
import { readJsonl, readJsonlParts } from './jsonl.ts'
import { readNpy } from './npy.ts'

export interface ReadTable {
  readonly table: Table
  readonly format: DataFormat
}

/** Reads `file`, and the labels beside it if any, as one table. Throws a UserError for whatever is wrong with them. */
export async function readTable(file: string, labels: string | undefined, config: DataConfig): Promise<ReadTable> {
  const read = await readOne(file, config, labels !== undefined)
  if (labels === undefined) return read
  const { table: labelTable } = await readOne(labels, { ...config, format: 'auto' }, true)
  const [column, ...more] = labelTable.columns
  if (!column || more.length > 0) {
    throw new UserError(`Expected one column of labels in ${labels}, got ${labelTable.columns.length}`)
  }
  const { table } = read
  if (labelTable.rows !== table.rows) {
    throw new UserError(
      `Expected as many labels as samples, got ${table.rows} samples in ${file} and ${labelTable.rows} labels in ` +
        `${labels}. Do the files belong together?`,
    )
  }
  const columns = [...table.columns, { ...column, name: 'label' }]
  return { format: read.format, table: { ...table, columns, defaultTarget: 'label' } }
}

/** Rows of a part: few beside a window of training, many beside the work on a part. */
const PART_ROWS = 4096
/** What tells what the columns of a stream are: rows, and bytes of texts or images as numbers. */
const SAMPLE_ROWS = 2 ** 16
const SAMPLE_BYTES = 2 ** 26

/** Which of `files` files stands at a place of an epoch, where the files of a folder can be read in any order. */
export type FileOrder = (files: number) => (place: number) => number

/**
 * `file` as tables of some thousand rows (of Parquet a row group), one after another: memory holds one at a time, and of
 * Arrow a record batch. @param order of the files of a folder
 */
export async function* readParts(file: string, config: DataConfig, order?: FileOrder): AsyncGenerator<Table> {
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
        return yield* readParquetParts(file, opened.atMost, config)
      }
      case 'arrow': {
        const { readArrowParts } = await import('./arrow.ts')
        return yield* readArrowParts(file, config, PART_ROWS)
      }
      case 'text': {
        const { readTextParts } = await import('./text.ts')
        return yield* readTextParts(opened, config, windowsOfPart(config, PART_ROWS))
      }
      default:
        throw notStreamable(format, file)
    }
  } finally {
    await opened.close()
  }
}

/** The first rows of what `readParts` reads; of a folder some of every class. @throws UserError for a format it does not read */
export async function readSample(file: string, config: DataConfig): Promise<ReadTable> {
  if (await isFolder(file, config.timeoutSeconds)) {
    return sampleFolders(file, config, { mostRows: SAMPLE_ROWS, bytes: SAMPLE_BYTES })
  }
  if (config.format === 'text') return { table: await firstWindows(file, config), format: 'text' }
  const read = await readOne(file, { ...config, limit: SAMPLE_ROWS }, false)
  if (!['csv', 'tsv', 'jsonl', 'parquet', 'arrow'].includes(read.format)) throw notStreamable(read.format, file)
  return read
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
    `Expected CSV, TSV, JSON Lines, Parquet, Arrow, a running text or a folder of classes in ${file} for data.streaming, ` +
      `got ${format}. Leave data.streaming out`,
  )

const delimiterOf = (format: 'csv' | 'tsv', { delimiter }: DataConfig): string | undefined =>
  delimiter ?? (format === 'tsv' ? '\t' : undefined)

/** `whole`: an NPY or IDX array stays one wide column; otherwise each of an NPY's columns is one of the table. */
async function readOne(file: string, config: DataConfig, whole: boolean): Promise<ReadTable> {
  if (await isFolder(file, config.timeoutSeconds)) return readFolders(file, config)
  const opened = await openFile(file, config.timeoutSeconds)
  try {
    const format = config.format && config.format !== 'auto' ? config.format : detectFormat(opened)
    return { format, table: limitRows(await readAs(format, opened, config, whole), config.limit) }
  } finally {
    await opened.close()
  }
}

async function readAs(format: DataFormat, opened: OpenedFile, config: DataConfig, whole: boolean): Promise<Table> {
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
      return readParquet(file, opened.atMost, config)
    }
    case 'arrow': {
      const { readArrow } = await import('./arrow.ts')
      return readArrow(file, config)
    }
    case 'folders':
      throw new UserError(`Expected a folder at ${file}, as data.format 'folders' says, got a file`)
    case 'images':
      return matrixTable(file, [await readImages([file], config)])
    case 'text': {
      const { readText } = await import('./text.ts')
      return readText(opened, config)
    }
    case 'jsonl':
      return readJsonl(opened, { ...config, text })
    case 'idx':
      return matrixTable(file, [matrixColumn('pixels', await readIdx(opened))])
    case 'npy': {
      const matrix = await readNpy(opened)
      return matrixTable(file, whole ? [matrixColumn('x', matrix)] : await splitColumns(matrix))
    }
    case 'npz': {
      const refs = [config.features ?? [], config.target ?? []].flat() as ColumnRef[]
      const { readNpz } = await import('./npz.ts')
      const columns = await readNpz(opened, config.features ? refs.map(String) : undefined)
      const target = ['y', 'label', 'labels', 'target', 'targets'].find((n) => columns.some((c) => c.name === n))
      return { ...matrixTable(file, columns), defaultTarget: target }
    }
  }
}

function matrixColumn(name: string, matrix: Matrix): Column {
  return { kind: 'numbers', name, width: matrix.width, values: matrix.values }
}

function matrixTable(file: string, columns: Column[]): Table {
  const first = columns[0]!
  return { file, rows: first.values.length / first.width, columns }
}

async function splitColumns({ rows, width, values }: Matrix): Promise<Column[]> {
  const columns: Column[] = []
  for (let j = 0; j < width; j++) {
    const column = new (values.constructor as new (length: number) => NumberArray)(rows)
    for (let i = 0; i < rows; i++) column[i] = values[i * width + j]!
    columns.push({ kind: 'numbers', name: `${j}`, width: 1, values: column })
    if (j % 16 === 15) await setImmediate()
  }
  return columns
}

function limitRows(table: Table, limit = Infinity): Table {
  if (table.rows <= limit) return table
  const columns = table.columns.map((column): Column => {
    if (column.kind === 'text') return { ...column, values: column.values.slice(0, limit) }
    const text = column.text && column.text.row < limit ? column.text : undefined
    return { ...column, values: column.values.subarray(0, limit * column.width), text }
  })
  return { ...table, rows: limit, columns, lines: table.lines?.subarray(0, limit) }
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
  if (start.includes('\0') && !/^(\xff\xfe|\xfe\xff)/.test(start)) {
    throw new UserError(
      `Expected CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY or NPZ in ${file}, got binary data of another kind`,
    )
  }
  return /\.(tsv|tab)(\.gz)?$/i.test(file) ? 'tsv' : 'csv'
}
