/**
 * MessagePack in parts (github.com/msgpack/msgpack, spec.md): large binaries stay where they lie, in place of being copied
 * into one document, which holds its thread for as long as that takes.
 */

/** What is smaller goes together with its neighbours: each part is a write. */
const LARGE_BYTES = 2 ** 16

export interface Parts {
  /** Bytes that are MessagePack already: copied by whoever gave them, or left as they are until all is written. */
  add(bytes: Uint8Array): void
  map(entries: number): void
  array(items: number): void
  binary(bytes: Uint8Array): void
  /** All that was added, in order. */
  end(): Uint8Array[]
}

export function messageParts(): Parts {
  const parts: Uint8Array[] = []
  let small: Uint8Array[] = []
  const flush = () => {
    if (small.length > 0) parts.push(Buffer.concat(small))
    small = []
  }
  const add = (bytes: Uint8Array) => {
    if (bytes.length < LARGE_BYTES) return void small.push(bytes)
    flush()
    parts.push(bytes)
  }
  return {
    add,
    map: (entries) => add(counted(0xdf, entries)),
    array: (items) => add(counted(0xdd, items)),
    binary(bytes) {
      add(counted(0xc6, bytes.length))
      add(bytes)
    },
    end() {
      flush()
      return parts
    },
  }
}

/** A type and its length in 32 bits. */
function counted(type: number, length: number): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt8(type)
  head.writeUInt32BE(length, 1)
  return head
}
