/**
 * What the messages of an Arrow file say of themselves, held against what is there before anything is made of it: the
 * library makes as many objects as a vector declares, and room for as many rows as a batch or a column does. Format: Arrow columnar format, Message.fbs, Schema.fbs and File.fbs.
 */

/** Bytes of the file, from a place on. */
export type ReadAt = (start: number, length: number) => Promise<Buffer>

const [SCHEMA, DICTIONARY_BATCH] = [1, 2]
export const RECORD_BATCH = 3
const METADATA_V5 = 4
const [OFFSET_BYTES, NODE_BYTES, BLOCK_BYTES] = [4, 16, 24]
/** Rows that compressed buffers may stand for, and how many anyway: of equal ones a few bytes hold many. */
const MOST_PACKED_ROWS_PER_BYTE = 64
const FREE_PACKED_ROWS = 2 ** 22

/** A message of metadata, and behind it the values that it describes. */
export interface Message {
  readonly kind: number
  readonly start: number
  readonly length: number
  /** Bytes of values. */
  readonly body: number
  /** Of one that is not in the file: itself. */
  readonly bytes?: Buffer
}

/** Of a stream: one behind the other, each with its length before it; the first has the columns. */
export async function messagesOfStream(read: ReadAt, size: number): Promise<Message[]> {
  const messages: Message[] = []
  for (let at = 0; at + 4 <= size;) {
    const { start, length } = await lengthAt(read, at, size)
    if (length === 0) break
    const message = await messageAt(read, start, length, size)
    if ((message.kind === SCHEMA) !== (at === 0))
      throw new Error(at === 0 ? 'it does not begin with its columns' : 'its columns are declared twice')
    messages.push(message)
    at = start + length + message.body
  }
  return messages
}

/** Of a file: its footer has the columns, and says where the batches are. */
export async function messagesOfFile(footer: Buffer, read: ReadAt, size: number): Promise<Message[]> {
  const head = new Head(footer)
  const root = head.root()
  const schema = head.tableAt(root, 1)
  head.checkSchema(schema)
  head.vectorAt(root, 4, OFFSET_BYTES)
  const bytesOfSchema = schemaMessage(footer, schema)
  const messages: Message[] = [{ kind: SCHEMA, start: 0, length: bytesOfSchema.length, body: 0, bytes: bytesOfSchema }]
  let bytes = 0
  for (const [place, kind] of [
    [2, DICTIONARY_BATCH],
    [3, RECORD_BATCH],
  ] as const) {
    const { start, count } = head.vectorAt(root, place, BLOCK_BYTES)
    for (let i = 0; i < count; i++) {
      const at = Number(footer.readBigInt64LE(start + i * BLOCK_BYTES))
      bytes += footer.readInt32LE(start + i * BLOCK_BYTES + 8)
      if (at < 0 || bytes > size) throw new Error(`${count} batches are declared, it has ${size} bytes`)
      const message = await lengthAt(read, at, size)
      if (message.length === 0) throw new Error(`the message at byte ${at} is empty`)
      messages.push(await messageAt(read, message.start, message.length, size, kind))
    }
  }
  return messages
}

/** A message whose header is the table `schema` of a footer: files need not have one besides. */
function schemaMessage(footer: Buffer, schema: number): Buffer {
  const head = Buffer.alloc(32)
  const [vtable, table, place] = [4, 16, 20]
  head.writeUInt32LE(table, 0)
  // Its own length, the table's, and where in that the version, the header's kind and the header are.
  for (const [i, number] of [10, 12, 8, 10, 4].entries()) head.writeUInt16LE(number, vtable + 2 * i)
  head.writeInt32LE(table - vtable, table)
  head.writeUInt32LE(head.length + schema - place, place)
  head.writeInt16LE(METADATA_V5, table + 8)
  head.writeUInt8(SCHEMA, table + 10)
  return Buffer.concat([head, footer, Buffer.alloc(-footer.length & 7)])
}

/** Newer writers put a marker before the length. */
async function lengthAt(read: ReadAt, at: number, size: number): Promise<{ start: number; length: number }> {
  const head = await read(at, Math.min(8, Math.max(4, size - at)))
  const isMarked = head.readInt32LE(0) === -1
  const length = isMarked ? head.readInt32LE(4) : head.readInt32LE(0)
  const start = at + (isMarked ? 8 : 4)
  if (length >= 0 && start + length <= size) return { start, length }
  throw new Error(`a message of ${length} bytes is declared at byte ${at}, it has ${size} bytes`)
}

async function messageAt(
  read: ReadAt,
  start: number,
  length: number,
  size: number,
  expected?: number,
): Promise<Message> {
  const bytes = await read(start, length)
  const head = new Head(bytes)
  const root = head.root()
  head.vectorAt(root, 4, OFFSET_BYTES)
  const kind = head.numberAt(root, 1, (at) => bytes.readUInt8(at))
  if (expected !== undefined && kind !== expected)
    throw new Error(`a message of kind ${kind} is declared as ${expected}`)
  const inside = head.tableAt(root, 2)
  if (kind === SCHEMA) head.checkSchema(inside)
  else if (kind === DICTIONARY_BATCH) head.checkBatch(head.tableAt(inside, 1), size)
  else if (kind === RECORD_BATCH) head.checkBatch(inside, size)
  const body = head.numberAt(root, 3, (at) => Number(bytes.readBigInt64LE(at)))
  if (body !== 0 && kind !== DICTIONARY_BATCH && kind !== RECORD_BATCH)
    throw new Error(`a message of kind ${kind}, which has no values, declares ${body} bytes of them`)
  if (body >= 0 && start + length + body <= size) return { kind, start, length, body }
  throw new Error(`${body} bytes of values are declared at byte ${start + length}, it has ${size}`)
}

export type Codec = 'lz4' | 'zstd'

/** What a batch says of itself. */
export interface Batch {
  readonly rows: number
  /** Of each of its columns and what is inside of them, depth first: rows, and how many are missing. */
  readonly nodes: readonly { readonly rows: number; readonly missing: number }[]
  /** Of the values behind the message. */
  readonly buffers: readonly { readonly start: number; readonly bytes: number }[]
  readonly codec: Codec | undefined
  /** Before the fifth version of the format unions had one buffer more. */
  readonly isOld: boolean
  /** Of texts that columns refer to: of which, and whether they come behind those that are known. */
  readonly dictionary: { readonly id: number; readonly isDelta: boolean } | undefined
}

/** @param bytes a message that was checked, of a batch of rows or of a dictionary */
export function batchIn(bytes: Buffer): Batch {
  const head = new Head(bytes)
  const root = head.root()
  const byteAt = (at: number) => bytes.readUInt8(at)
  const longAt = (at: number) => Number(bytes.readBigInt64LE(at))
  const inside = head.tableAt(root, 2)
  const isDictionary = head.numberAt(root, 1, byteAt) === DICTIONARY_BATCH
  const batch = isDictionary ? head.tableAt(inside, 1) : inside
  const pairs = (index: number) => {
    const { start, count } = head.vectorAt(batch, index, NODE_BYTES)
    return Array.from({ length: count }, (_, i) => [
      longAt(start + i * NODE_BYTES),
      longAt(start + i * NODE_BYTES + 8),
    ]) as [number, number][]
  }
  const compression = head.tableAt(batch, 3)
  return {
    rows: head.numberAt(batch, 0, longAt),
    nodes: pairs(1).map(([rows, missing]) => ({ rows, missing })),
    buffers: pairs(2).map(([start, bytes]) => ({ start, bytes })),
    codec: compression === 0 ? undefined : codecOf(head.numberAt(compression, 0, byteAt)),
    isOld: head.numberAt(root, 0, (at) => bytes.readInt16LE(at)) < METADATA_V5,
    dictionary: isDictionary
      ? { id: head.numberAt(inside, 0, longAt), isDelta: head.numberAt(inside, 2, byteAt) !== 0 }
      : undefined,
  }
}

function codecOf(number: number): Codec {
  const codec = (['lz4', 'zstd'] as const)[number]
  if (codec) return codec
  throw new Error(`its buffers are compressed in a way (${number}) that is neither LZ4 nor ZSTD`)
}

/** A FlatBuffer. What lies outside of it cannot be read; a vector that ends outside is refused. A place of 0: not there. */
class Head {
  readonly #bytes: Buffer
  /** A table takes 8 bytes or more, so more of them than that would be the same ones again. */
  #tablesLeft: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#tablesLeft = Math.ceil(bytes.length / 8)
  }

  root(): number {
    return this.#bytes.readUInt32LE(0)
  }

  /** Where field `index` of a table is. */
  #field(table: number, index: number): number {
    if (table === 0) return 0
    const fields = table - this.#bytes.readInt32LE(table)
    const at = 4 + 2 * index
    const offset = at < this.#bytes.readUInt16LE(fields) ? this.#bytes.readUInt16LE(fields + at) : 0
    return offset === 0 ? 0 : table + offset
  }

  numberAt(table: number, index: number, read: (at: number) => number): number {
    const at = this.#field(table, index)
    return at === 0 ? 0 : read(at)
  }

  tableAt(table: number, index: number): number {
    const at = this.#field(table, index)
    return at === 0 ? 0 : at + this.#bytes.readUInt32LE(at)
  }

  vectorAt(table: number, index: number, itemBytes: number): { start: number; count: number } {
    const at = this.tableAt(table, index)
    if (at === 0) return { start: 0, count: 0 }
    const count = this.#bytes.readUInt32LE(at)
    if (at + 4 + count * itemBytes <= this.#bytes.length) return { start: at + 4, count }
    throw new Error(`its head of ${this.#bytes.length} bytes declares ${count} parts of ${itemBytes} bytes`)
  }

  checkSchema(schema: number): void {
    this.vectorAt(schema, 2, OFFSET_BYTES)
    this.#checkFields(schema, 1)
  }

  #checkFields(table: number, index: number): void {
    const { start, count } = this.vectorAt(table, index, OFFSET_BYTES)
    for (let i = 0; i < count; i++) {
      if (this.#tablesLeft-- === 0) throw new Error('its columns are declared again and again')
      const field = start + i * OFFSET_BYTES + this.#bytes.readUInt32LE(start + i * OFFSET_BYTES)
      this.vectorAt(field, 0, 1)
      this.vectorAt(field, 6, OFFSET_BYTES)
      this.#checkFields(field, 5)
    }
  }

  checkBatch(batch: number, size: number): void {
    const longAt = (at: number): number => Number(this.#bytes.readBigInt64LE(at))
    const { start, count } = this.vectorAt(batch, 1, NODE_BYTES)
    const nodes = Array.from({ length: count }, (_, i) => longAt(start + i * NODE_BYTES))
    // Columns of nothing, or of lists of none, could have as many rows as they like; any other takes a bit for each.
    const isPacked = this.tableAt(batch, 3) !== 0
    const most = isPacked ? FREE_PACKED_ROWS + MOST_PACKED_ROWS_PER_BYTE * size : 8 * size
    for (const rows of [this.numberAt(batch, 0, longAt), ...nodes]) {
      if (!(rows >= 0 && rows <= most)) throw new Error(`${rows} rows are declared, it has ${size} bytes`)
    }
    this.vectorAt(batch, 2, NODE_BYTES)
  }
}
