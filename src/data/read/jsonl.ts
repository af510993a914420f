import { describe, UserError } from '../../errors.ts'
import { DEFAULT_MISSING } from '../config.ts'
import type { Table } from '../table.ts'
import { checkColumns, isReferred, numberBuilder, parseNumber, textBuilder, type ColumnBuilder } from './columns.ts'
import type { TextOptions } from './csv.ts'
import type { OpenedFile } from './file.ts'

const MAX_LINE_CHARS = 1 << 24
/** Rows within which every key must have come up once: a stray key later is a slip, not a column. */
const KEY_ROWS = 1000

/**
 * Reads JSON lines: an object a line, or an array a line (columns '0', '1', ...). Values are numbers, booleans (0, 1),
 * texts, null (missing) or arrays of numbers of one length. Keys are data: they never become properties.
 */
export async function readJsonl(opened: OpenedFile, options: TextOptions): Promise<Table> {
  const { value } = await readJsonlParts(opened, options, Infinity).next()
  return value!
}

/** As `readJsonl`, in tables of `partRows` rows, the last of fewer. */
export async function* readJsonlParts(
  opened: OpenedFile,
  options: TextOptions,
  partRows: number,
): AsyncGenerator<Table, undefined> {
  const { file } = opened
  const missing = new Set(options.missing ?? DEFAULT_MISSING)
  const makers = new Map<string, () => ColumnBuilder>()
  let builders = new Map<string, ColumnBuilder>()
  let lines: number[] = []
  /** Rows of the tables before. */
  let before = 0
  let keyed: boolean | undefined

  const addRow = (value: unknown, line: number): void => {
    const isArray = Array.isArray(value)
    if (value === null || typeof value !== 'object' || (keyed !== undefined && keyed === isArray)) {
      const expected = keyed === undefined ? 'an object or an array' : keyed ? 'an object' : 'an array'
      throw new UserError(`Expected ${expected} in ${file}, line ${line}, got ${describe(value)}`)
    }
    keyed = !isArray
    const row = lines.length
    lines.push(line)
    const entries = Object.entries(value)
    if (!keyed && before + row > 0 && entries.length !== builders.size) {
      throw new UserError(
        `Expected ${builders.size} values as in the first line of ${file}, got ${entries.length} in line ${line}`,
      )
    }
    entries.forEach(([key, cell], position) => {
      let builder = builders.get(key)
      if (cell === null || (typeof cell === 'string' && missing.has(cell.trim()) && builder?.kind !== 'text')) {
        // In an array row the place must exist even where its first value is missing.
        if (!keyed && !builder) {
          checkColumns(builders.size + 1, file)
          makers.set(key, () => numberBuilder(key))
          builders.set(key, numberBuilder(key))
        }
        return
      }
      if (!builder) {
        if (before + row >= KEY_ROWS) {
          throw new UserError(
            `Expected the keys of the lines before in ${file}, got ${JSON.stringify(key)} in line ${line}`,
          )
        }
        checkColumns(builders.size + 1, file)
        const forced = isReferred(options.text ?? [], key, keyed ? NaN : position, entries.length)
        const isText = forced || typeof cell === 'string'
        const make = () => (isText ? textBuilder(key) : numberBuilder(key, widthOf(cell)))
        makers.set(key, make)
        builders.set(key, (builder = make()))
      }
      addCell(builder, row, cell as unknown, `key ${JSON.stringify(key)} of ${file}, line ${line}`, missing)
    })
  }

  const take = (): Table => {
    const rows = lines.length
    const columns = [...builders.values()].map((builder) => builder.finish(rows))
    const table = { file, rows, columns, lines: Uint32Array.from(lines) }
    before += rows
    lines = []
    builders = new Map([...makers].map(([key, make]) => [key, make()]))
    return table
  }
  let line = 0
  for await (const text of readLines(opened)) {
    line++
    if (text.trim() === '') continue
    addRow(parseLine(text, line, file), line)
    if (lines.length >= partRows) yield take()
    if (before + lines.length >= (options.limit ?? Infinity)) break
  }
  await opened.close()
  if (before + lines.length === 0) throw new UserError(`Expected rows of data in ${file}, got none`)
  if (lines.length > 0) yield take()
}

function widthOf(cell: unknown): number {
  return Array.isArray(cell) ? Math.max(cell.length, 1) : 1
}

function addCell(
  builder: ColumnBuilder,
  row: number,
  cell: unknown,
  where: string,
  missing: ReadonlySet<string>,
): void {
  if (typeof cell === 'string') {
    const value = builder.kind === 'numbers' ? parseNumber(cell.trim()) : undefined
    if (missing.has(cell.trim())) return
    if (value === undefined || builder.width !== 1) builder.addText(row, cell.trim())
    else builder.addNumber(row, value)
  } else if (Array.isArray(cell)) {
    const bad = cell.findIndex((item) => typeof item !== 'number')
    if (bad >= 0) throw new UserError(`Expected numbers in ${where}, got ${describe(cell[bad])} at position ${bad}`)
    if (cell.length !== builder.width) {
      throw new UserError(`Expected ${builder.width} numbers in ${where}, got ${cell.length}`)
    }
    builder.addBlock(row, cell as number[])
  } else if (typeof cell === 'object') {
    throw new UserError(`Expected a number, a text or an array of numbers in ${where}, got ${describe(cell)}`)
  } else if (builder.width !== 1) {
    throw new UserError(`Expected ${builder.width} numbers in ${where}, got ${describe(cell)}`)
  } else if (builder.kind === 'text') builder.addText(row, String(cell))
  else builder.addNumber(row, Number(cell))
}

function parseLine(text: string, line: number, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Expected JSON in ${file}, line ${line}, got text that does not parse: ${String(error)}`)
  }
}

async function* readLines(opened: OpenedFile): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of opened.chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop()!
    if (rest.length > MAX_LINE_CHARS) {
      throw new UserError(`Expected lines below ${MAX_LINE_CHARS} characters in ${opened.file}. Is it JSON lines?`)
    }
    yield* parts
  }
  yield rest + decoder.decode()
}
