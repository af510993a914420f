/**
 * What the messages of an Arrow file say of themselves, held against what is there before anything is made of it: the
 * library makes as many objects as a vector declares, and room for as many rows as a batch or a column does. Format: Arrow columnar format, Message.fbs, Schema.fbs and File.fbs.
 */

/** Bytes of the file, from a place on. */
export type ReadAt = (start: number, length: number) => Promise<Buffer>

const [SCHEMA, DICTIONARY_BATCH, RECORD_BATCH] = [1, 2, 3]
const [OFFSET_BYTES, NODE_BYTES, BLOCK_BYTES] = [4, 16, 24]

/**
 * Of a stream: messages, each with its length before it and its values behind.
 * @returns whether it has batches, behind its last schema: where it has none the library reads on behind its end
 */
export async function checkStream(read: ReadAt, size: number): Promise<boolean> {
  let hasBatches = false
  for (let at = 0; at + 4 <= size;) {
    const { start, length } = await lengthAt(read, at, size)
    if (length === 0) break
    const { kind, body } = checkMessage(await read(start, length), size)
    if (kind === RECORD_BATCH) hasBatches = true
    else if (kind === SCHEMA) hasBatches = false
    at = start + length + body
  }
  return hasBatches
}

/** Of a file: its footer says where the messages are. */
export async function checkFile(footer: Buffer, read: ReadAt, size: number): Promise<void> {
  const head = new Head(footer)
  const root = head.root()
  head.checkSchema(head.tableAt(root, 1))
  head.vectorAt(root, 4, OFFSET_BYTES)
  let bytes = 0
  // A batch that is none is asked for by the library for ever.
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
      checkMessage(await read(message.start, message.length), size, kind)
    }
  }
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

/** @returns what it is, and the bytes of values behind it */
function checkMessage(bytes: Buffer, size: number, expected?: number): { kind: number; body: number } {
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
  // The library would go on right behind its head.
  if (body !== 0 && kind !== DICTIONARY_BATCH && kind !== RECORD_BATCH)
    throw new Error(`a message of kind ${kind}, which has no values, declares ${body} bytes of them`)
  if (body >= 0 && body <= size) return { kind, body }
  throw new Error(`${body} bytes of values are declared, it has ${size}`)
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
    for (const rows of [this.numberAt(batch, 0, longAt), ...nodes]) {
      if (!(rows >= 0 && rows <= 8 * size)) throw new Error(`${rows} rows are declared, it has ${size} bytes`)
    }
    this.vectorAt(batch, 2, NODE_BYTES)
  }
}
