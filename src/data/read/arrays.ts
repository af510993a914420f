/** IDX, NPY and NPZ as tables: arrays of numbers whose rows lie one after another, read whole or some rows at a time. */
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { ColumnRef, DataConfig } from '../config.ts'
import type { Column, NumberArray, Table } from '../table.ts'
import type { OpenedFile } from './file.ts'
import { openIdx } from './idx.ts'
import { openNpy } from './npy.ts'
import { closeAll, openNpz } from './npz.ts'
import type { NamedArray } from './npz.ts'

export type ArrayFormat = 'idx' | 'npy' | 'npz'

export const isArrayFormat = (format: string): format is ArrayFormat => ['idx', 'npy', 'npz'].includes(format)

export interface ArrayOptions extends Pick<DataConfig, 'features' | 'target' | 'limit'> {
  /** An NPY array stays one wide column; otherwise each of its columns is one of the table. */
  readonly whole: boolean
  /** What the numbers of a part may take, as they are for training. */
  readonly mostBytes?: number | undefined
}

/** The first `limit` rows of `opened`, or as many as `mostBytes` hold; all without either. */
export async function readArrays(format: ArrayFormat, opened: OpenedFile, options: ArrayOptions): Promise<Table> {
  const { limit = Infinity, mostBytes } = options
  const arrays = await openArrays(format, opened, options)
  try {
    const { rows } = arrays[0]!.array
    const inParts = arrays.every(({ array }) => !array.isWhole)
    const wanted = mostBytes === undefined ? Math.min(limit, rows) : rowsOfPart(arrays, opened.file, limit, mostBytes)
    return await tableOf(
      arrays,
      opened.file,
      { rows: inParts ? wanted : rows, first: 0 },
      format === 'npy' && !options.whole,
    )
  } finally {
    await closeAll(arrays)
  }
}

/** As `readArrays`, tables of at most `partRows` rows and `mostBytes`. */
export async function* readArrayParts(
  format: ArrayFormat,
  opened: OpenedFile,
  options: ArrayOptions & { readonly mostBytes: number },
  partRows: number,
): AsyncGenerator<Table> {
  const arrays = await openArrays(format, opened, options)
  try {
    const { rows } = arrays[0]!.array
    const part = rowsOfPart(arrays, opened.file, partRows, options.mostBytes)
    for (let first = 0; first < rows; first += part) {
      yield await tableOf(
        arrays,
        opened.file,
        { rows: Math.min(part, rows - first), first },
        format === 'npy' && !options.whole,
      )
    }
  } finally {
    await closeAll(arrays)
  }
}

async function openArrays(format: ArrayFormat, opened: OpenedFile, config: ArrayOptions): Promise<NamedArray[]> {
  const close = async (): Promise<void> => {}
  switch (format) {
    case 'idx':
      return [{ name: 'pixels', array: await openIdx(opened), close }]
    case 'npy':
      return [{ name: 'x', array: await openNpy(opened, opened.places), close }]
    case 'npz': {
      if (!opened.places)
        throw new UserError(`Expected an NPZ file, got one inside gzip: ${opened.file}. Unpack it first`)
      const refs = [config.features ?? [], config.target ?? []].flat() as ColumnRef[]
      return openNpz(opened.places, config.features ? refs.map(String) : undefined)
    }
  }
}

function rowsOfPart(arrays: readonly NamedArray[], file: string, mostRows: number, mostBytes: number): number {
  const whole = arrays.find(({ array }) => array.isWhole)
  if (whole) {
    throw new UserError(
      `Expected rows that lie one after another in ${file} for data.streaming, got a compressed array in Fortran order ` +
        `(${whole.name}). Save it by numpy.ascontiguousarray, or uncompressed, or leave data.streaming out`,
    )
  }
  const bytes = arrays.reduce((sum, { array }) => sum + Math.max(array.rowBytes, 4 * array.width), 0)
  return Math.min(arrays[0]!.array.rows, mostRows, Math.max(1, Math.floor(mostBytes / bytes)))
}

async function tableOf(
  arrays: readonly NamedArray[],
  file: string,
  { rows, first }: { readonly rows: number; readonly first: number },
  split: boolean,
): Promise<Table> {
  const columns: Column[] = []
  for (const { name, array } of arrays) {
    const { width } = array
    const values = await array.next(rows)
    if (split) columns.push(...(await splitColumns(values, rows, width)))
    else columns.push({ kind: 'numbers', name, width, values })
  }
  const target = ['y', 'label', 'labels', 'target', 'targets'].find((n) => columns.some(({ name }) => name === n))
  return { file, firstRow: first, rows, ofRows: arrays[0]!.array.rows, columns, defaultTarget: target }
}

async function splitColumns(values: NumberArray, rows: number, width: number): Promise<Column[]> {
  const columns: Column[] = []
  for (let j = 0; j < width; j++) {
    const column = new (values.constructor as new (length: number) => NumberArray)(rows)
    for (let i = 0; i < rows; i++) column[i] = values[i * width + j]!
    columns.push({ kind: 'numbers', name: `${j}`, width: 1, values: column })
    if (j % 16 === 15) await setImmediate()
  }
  return columns
}
