/** Arrow files and streams (Feather 2), some rows of each column at a time; with `arrow-columns.ts` the import of apache-arrow, which users add. */
import type { Data, DataType, Field } from 'apache-arrow'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { BatchReader } from './arrow-columns.ts'
import type { Arrow, ColumnRows } from './arrow-columns.ts'
import { batchIn, messagesOfFile, messagesOfStream, RECORD_BATCH } from './arrow-heads.ts'
import type { Message, ReadAt } from './arrow-heads.ts'
import { cellColumn, damagedFile, noRows, unread, unsupported, wantedColumns, whyDamaged } from './cells.ts'
import type { CellColumn } from './cells.ts'
import type { Places } from './places.ts'

const MAGIC = 'ARROW1'
/** Rows of a file that are in memory at a time before they are a table's, or about so many bytes. */
const SLICE_ROWS = 4096
const SLICE_BYTES = 2 ** 22

/** @throws UserError when apache-arrow is not installed, or the file is damaged */
export async function readArrow(places: Places, config: DataConfig): Promise<Table> {
  const limit = config.limit ?? Infinity
  const file = await openArrow(places, config)
  const cells = file.cells()
  let rows = 0
  for await (const slice of file.slices(SLICE_ROWS, SLICE_BYTES)) {
    const count = Math.min(slice.rows, limit - rows)
    await slice.addTo(cells, count)
    rows += count
    if (rows >= limit) break
  }
  return file.table(cells, 0, rows)
}

/** As `readArrow`, tables of at most `partRows` rows, or of about `partBytes`; memory holds one of them. */
export async function* readArrowParts(
  places: Places,
  config: DataConfig,
  partRows: number,
  partBytes: number,
): AsyncGenerator<Table> {
  const file = await openArrow(places, config)
  let firstRow = 0
  for await (const slice of file.slices(partRows, partBytes)) {
    const cells = file.cells()
    await slice.addTo(cells, slice.rows)
    yield file.table(cells, firstRow, slice.rows)
    firstRow += slice.rows
  }
  if (firstRow === 0) throw noRows(places.file)
}

/** The next rows of a batch. */
interface Slice {
  readonly rows: number
  /** The first `count` of them. */
  addTo(cells: ReadonlyMap<string, CellColumn>, count: number): Promise<void>
}

interface OpenedArrow {
  readonly cells: () => Map<string, CellColumn>
  /** One after another: each is taken before the next is asked for. */
  readonly slices: (mostRows: number, mostBytes: number) => AsyncGenerator<Slice>
  readonly table: (cells: ReadonlyMap<string, CellColumn>, firstRow: number, rows: number) => Table
}

async function openArrow(places: Places, config: DataConfig): Promise<OpenedArrow> {
  const { file: path, bytes: size } = places
  const arrow = await import('apache-arrow').catch((cause: unknown) => {
    throw new UserError(`Reading ${path} needs the package apache-arrow: npm install apache-arrow`, { cause })
  })
  const read: ReadAt = async (start, length) => {
    if (!(start >= 0 && start + length <= size)) throw new Error(`it ends at byte ${size}`)
    const bytes = Buffer.alloc(length)
    await places.fill(bytes, start)
    return bytes
  }
  try {
    const messages = await messagesOf(read, size)
    if (!messages.some(({ kind }) => kind === RECORD_BATCH)) throw noRows(path)
    const fields = columnsIn(await headOf(messages[0]!, read), arrow)
    const names = fields.map(({ name }) => String(name))
    const wanted = new Set(wantedColumns(names, config))
    for (const { name, type } of fields) {
      if (wanted.has(name) && !isTaken(type, arrow)) throw unsupported(name, path, `\`${type}\``)
    }
    return {
      cells: () => new Map([...wanted].map((name) => [name, cellColumn(name, path)])),
      slices: (...most) => slicesOf(messages.slice(1), { arrow, places, read, fields, wanted }, ...most),
      table(cells, firstRow, rows) {
        if (rows === 0) throw noRows(path)
        const columns = names.flatMap((name) => cells.get(name)?.finish() ?? unread(name, rows))
        return { file: path, firstRow, rows, columns }
      },
    }
  } catch (cause) {
    throw damaged(path, cause)
  }
}

/** A file says in its footer where they are. */
async function messagesOf(read: ReadAt, size: number): Promise<Message[]> {
  if ((await read(0, MAGIC.length)).toString('latin1') !== MAGIC) return messagesOfStream(read, size)
  // The length of the footer, and the same letters.
  if (size < 2 * (4 + MAGIC.length)) throw new Error(`it has ${size} bytes`)
  const end = await read(size - 4 - MAGIC.length, 4 + MAGIC.length)
  const footer = end.readInt32LE(0)
  if (end.toString('latin1', 4) !== MAGIC) throw new Error(`it does not end in ${MAGIC}: it is truncated`)
  if (footer < 0 || footer > size - end.length)
    throw new Error(`${footer} bytes of footer are declared, it has ${size}`)
  return messagesOfFile(await read(size - end.length - footer, footer), read, size)
}

const headOf = async (message: Message, read: ReadAt): Promise<Buffer> =>
  message.bytes ?? (await read(message.start, message.length))

/** The library reads them out of a stream that has nothing else. */
function columnsIn(head: Buffer, { RecordBatchReader }: Arrow): readonly Field[] {
  const [before, end] = [Int32Array.of(-1, head.length), Int32Array.of(-1, 0)].map((of) => Buffer.from(of.buffer))
  return RecordBatchReader.from(Buffer.concat([before!, head, end!])).open().schema.fields as Field[]
}

interface Reading {
  readonly arrow: Arrow
  readonly places: Places
  readonly read: ReadAt
  readonly fields: readonly Field[]
  /** Names of the columns that are asked for. */
  readonly wanted: ReadonlySet<string>
}

async function* slicesOf(
  messages: readonly Message[],
  { arrow, places, read, fields, wanted }: Reading,
  mostRows: number,
  mostBytes: number,
): AsyncGenerator<Slice> {
  const { file: path } = places
  const dictionaries = new Dictionaries(fields, wanted, arrow)
  for (const message of messages) {
    let reader: BatchReader | undefined
    let where = ''
    try {
      const batch = batchIn(await headOf(message, read))
      if (batch.dictionary) where = 'a dictionary: '
      reader = new BatchReader(places, { start: message.start + message.length, bytes: message.body }, batch, arrow)
      if (batch.dictionary) await dictionaries.add(batch.dictionary, reader, batch.rows)
      else if (batch.rows > 0) {
        const columns = await openColumns(reader, fields, wanted, batch.rows)
        const most = Math.max(1, Math.min(mostRows, Math.floor((mostBytes * batch.rows) / Math.max(1, reader.bytes))))
        for (let left = batch.rows; left > 0; left -= most) {
          yield {
            rows: Math.min(most, left),
            async addTo(cells, count) {
              for (const [{ name, type }, rows] of columns) {
                const values = await of(path, name, async () => dictionaries.plain(type, await rows.take(count)))
                cells.get(name)!.add(values)
              }
            },
          }
        }
      }
    } catch (cause) {
      throw damaged(path, cause, where)
    } finally {
      await reader?.close()
    }
  }
}

/** Columns of the same name as one before are left out. */
async function openColumns(reader: BatchReader, fields: readonly Field[], wanted: ReadonlySet<string>, rows: number) {
  const columns = new Map<Field, ColumnRows>()
  const left = new Set(wanted)
  for (const field of fields) {
    if (left.delete(field.name)) columns.set(field, await reader.open(field.type, rows))
    else reader.skip(field.type)
  }
  return columns
}

/** Texts and other values that columns have the places of, by the numbers of their dictionaries. */
class Dictionaries {
  readonly #values = new Map<number, unknown[]>()
  readonly #types: ReadonlyMap<number, DataType>
  readonly #arrow: Arrow

  constructor(fields: readonly Field[], wanted: ReadonlySet<string>, arrow: Arrow) {
    this.#arrow = arrow
    this.#types = new Map(
      fields.flatMap(({ name, type }) =>
        wanted.has(name) && arrow.DataType.isDictionary(type) ? [[type.id, type.dictionary as DataType]] : [],
      ),
    )
  }

  /** One that nobody refers to is left out. */
  async add({ id, isDelta }: { id: number; isDelta: boolean }, reader: BatchReader, rows: number): Promise<void> {
    const type = this.#types.get(id)
    if (!type) return
    const values = (isDelta && this.#values.get(id)) || []
    this.#values.set(id, values)
    const column = await reader.open(type, rows)
    for (let left = rows; left > 0; left -= SLICE_ROWS) {
      const plain = this.plain(type, await column.take(Math.min(left, SLICE_ROWS)))
      for (let i = 0; i < plain.length; i++) values.push(plain[i])
    }
  }

  /** Numbers, texts, dates and lists in place of what the library makes of `data`, a column of `type`. */
  plain(type: DataType, data: Data): ArrayLike<unknown> {
    const { DataType: Of, Precision, Vector } = this.#arrow
    if (Of.isDictionary(type)) {
      const known = this.#values.get(type.id) ?? []
      return Array.from(new Vector([data]) as Iterable<unknown>, (place) => {
        if (place === null || Number(place) in known) return place === null ? null : known[Number(place)]
        throw new Error(`it has place ${String(place)} of a dictionary of ${known.length}`)
      })
    }
    const isPlain = Of.isInt(type) || (Of.isFloat(type) && type.precision !== Precision.HALF)
    if (isPlain && data.nullCount === 0) return data.values as ArrayLike<unknown>
    const plainOf = conversionOf(type, this.#arrow)
    return Array.from(new Vector([data]) as Iterable<unknown>, (value) =>
      plainOf && value !== null ? plainOf(value) : value,
    )
  }
}

/** How a value of the library becomes a plain one, where it is not. */
function conversionOf(type: DataType, { DataType: Of }: Arrow): ((value: unknown) => unknown) | undefined {
  if (Of.isTimestamp(type) || Of.isDate(type)) return (value) => new Date(Number(value))
  if (Of.isDecimal(type)) return (value) => decimalOf(value as Uint32Array, type.scale)
  if (Of.isList(type) || Of.isLargeList(type) || Of.isFixedSizeList(type))
    return (value) => Array.from(value as Iterable<unknown>)
  return undefined
}

/** Numbers, texts, dates, and lists or a dictionary of them. */
function isTaken(type: DataType, { DataType }: Arrow): boolean {
  const isNested = (of: DataType) => DataType.isStruct(of) || DataType.isUnion(of) || DataType.isMap(of)
  const isList = (of: DataType) => DataType.isList(of) || DataType.isLargeList(of) || DataType.isFixedSizeList(of)
  if (DataType.isDictionary(type)) return !isNested(type.dictionary) && !isList(type.dictionary)
  if (!isList(type)) return !isNested(type)
  const [{ type: item }] = type.children as [Field]
  return !isNested(item) && !isList(item) && !DataType.isDictionary(item)
}

/** Of words of 32 bits, the lowest first, in two's complement. */
function decimalOf(words: Uint32Array, scale: number): number {
  const whole = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n)
  return Number(BigInt.asIntN(32 * words.length, whole)) / 10 ** scale
}

/** What `read` gives of a column. @throws UserError in place of what stands in the way */
async function of<T>(path: string, column: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw damaged(path, cause, `column ${column}: `)
  }
}

function damaged(path: string, cause: unknown, where = ''): UserError {
  if (cause instanceof UserError) return cause
  const why = whyDamaged(cause)
  return new UserError(damagedFile('Arrow', path, where + why), { cause })
}
