/** Arrow files and streams (Feather 2), a record batch at a time. The only import of apache-arrow, which users add. */
import { createReadStream } from 'node:fs'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { answeredChunks } from './answer.ts'
import { cellColumn, unread, wantedColumns, whyDamaged } from './cells.ts'
import type { CellColumn } from './cells.ts'

/** @throws UserError when apache-arrow is not installed, or the file is damaged */
export async function readArrow(path: string, config: DataConfig): Promise<Table> {
  const { DataType, RecordBatchReader } = await import('apache-arrow').catch((cause: unknown) => {
    throw new UserError(`Reading ${path} needs the package apache-arrow: npm install apache-arrow`, { cause })
  })
  const limit = config.limit ?? Infinity
  const columns = new Map<string, CellColumn>()
  let names: string[] = []
  let rows = 0
  try {
    const reader = await RecordBatchReader.from(answeredChunks(path, createReadStream(path), config.timeoutSeconds))
    await reader.open()
    names = reader.schema.fields.map(({ name }) => String(name))
    for (const name of wantedColumns(names, config)) columns.set(name, cellColumn(name, path))
    for await (const batch of reader) {
      const part = batch.numRows > limit - rows ? batch.slice(0, limit - rows) : batch
      for (const [name, cells] of columns) {
        const vector = part.getChild(name)!
        const isDate = DataType.isTimestamp(vector.type) || DataType.isDate(vector.type)
        const values = Array.from(vector as Iterable<unknown>)
        cells.add(isDate ? values.map((value) => (value === null ? null : new Date(Number(value)))) : values)
      }
      rows += part.numRows
      if (rows >= limit) break
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const why = whyDamaged(cause)
    throw new UserError(`Expected a whole Arrow file, but ${path} is damaged or of an unknown kind: ${why}`, { cause })
  }
  if (rows === 0) throw new UserError(`Expected rows of data in ${path}, got none`)
  return { file: path, rows, columns: names.flatMap((name) => columns.get(name)?.finish() ?? unread(name, rows)) }
}
