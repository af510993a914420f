/** Mutations that keep most of a structure: what random bytes are refused for at once, these get past. */
import fc from 'fast-check'

/** Values that readers stumble over. */
const AWKWARD: readonly unknown[] = [
  ...[0, -0, 1, -1, 2, 3, 1.5, 1e308, -1e308, 5e-324, NaN, Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)],
  ...['', 'x', '__proto__', 'constructor', 'toString', '0', '-1', '../../x', '\0', '\ud800', 'NaN', 'true'],
  ...[null, true, false, [], {}, [[]], [null], [0], [1, 2, 3], { type: 'dense' }, { length: 3 }],
  ...['relu', 'adam', 'dense', 'conv2d', 'F32', 'I64', 'Gemm', 'Add', 'Reshape', 'same', 'auto', 'full'],
]

export interface Change {
  readonly at: number
  readonly kind: 'replace' | 'remove' | 'rename' | 'graft' | 'repeat'
  readonly value: unknown
  readonly from: number
}

/** One to four changes, each somewhere in a tree of plain data. */
export const changes = fc.array(
  fc.record<Change>({
    at: fc.nat(),
    kind: fc.constantFrom('replace', 'remove', 'rename', 'graft', 'repeat'),
    value: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...AWKWARD) }, fc.anything({ maxDepth: 2 })),
    from: fc.nat(),
  }),
  { minLength: 1, maxLength: 4 },
)

/**
 * The tree with each change made where it says: copies of what lies above it, all else shared with the tree it came from,
 * so that a case costs what it changes and not what it is made of.
 */
export function changed(tree: unknown, list: readonly Change[]): unknown {
  let now = tree
  for (const { at, kind, value, from } of list) {
    const places = placesIn(now)
    const put = kind === 'graft' ? valueAt(now, from % places) : value
    const place = at % places
    if (place > 0) now = withChange(now as Tree, place, (parent, key) => alter(parent, key, kind, put))
    else if (kind === 'replace' || kind === 'graft') now = put
  }
  return now
}

function alter(parent: Tree, key: string, kind: Change['kind'], value: unknown): void {
  const here = parent[key]
  switch (kind) {
    case 'replace':
    case 'graft':
      return set(parent, key, value)
    case 'remove':
      if (Array.isArray(parent)) parent.splice(Number(key), 1)
      else delete parent[key]
      return
    case 'rename':
      if (Array.isArray(parent)) return
      delete parent[key]
      return set(parent, typeof value === 'string' ? value : `${key}${key}`, here)
    case 'repeat':
      if (Array.isArray(parent) && parent.length < 64) parent.push(here)
  }
}

/** As JSON.parse sets it: a key such as `__proto__` is one like any other. */
function set(parent: object, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })
}

type Tree = Record<string, unknown>

/** Of trees, which are never changed once they are here. */
const counted = new WeakMap<object, number>()

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)

/** A value's places are itself, the first, and then those of its parts in their order. */
function placesIn(value: unknown): number {
  if (!isTree(value)) return 1
  let count = counted.get(value)
  if (count === undefined) {
    count = 1
    for (const key of Object.keys(value)) count += placesIn(value[key])
    counted.set(value, count)
  }
  return count
}

/** The part of a tree that its place, not its own first, lies in, and the place there. */
function partAt(tree: Tree, place: number): [key: string, place: number] {
  let left = place - 1
  for (const key of Object.keys(tree)) {
    const inside = placesIn(tree[key])
    if (left < inside) return [key, left]
    left -= inside
  }
  throw new Error(`no place ${place}`)
}

function valueAt(value: unknown, place: number): unknown {
  if (place === 0) return value
  const [key, inside] = partAt(value as Tree, place)
  return valueAt((value as Tree)[key], inside)
}

function withChange(tree: Tree, place: number, change: (parent: Tree, key: string) => void): Tree {
  const copy = (Array.isArray(tree) ? tree.slice() : { ...tree }) as Tree
  const [key, inside] = partAt(tree, place)
  if (inside === 0) change(copy, key)
  else set(copy, key, withChange(tree[key] as Tree, inside, change))
  return copy
}

export interface Cut {
  readonly kind: 'set' | 'flip' | 'remove' | 'repeat' | 'cut' | 'length'
  readonly at: number
  readonly count: number
  readonly byte: number
}

/** One to four changes of bytes; 'length' writes a large number where lengths may be. */
export const cuts = fc.array(
  fc.record<Cut>({
    kind: fc.constantFrom('set', 'flip', 'remove', 'repeat', 'cut', 'length'),
    at: fc.nat(),
    count: fc.integer({ min: 1, max: 16 }),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
)

export function mangled(bytes: Uint8Array, list: readonly Cut[]): Buffer {
  let result = Buffer.from(bytes)
  for (const { kind, at, count, byte } of list) {
    const i = result.length === 0 ? 0 : at % result.length
    if (kind === 'set') result[i] = byte
    else if (kind === 'flip') result[i] = (result[i] ?? 0) ^ (1 << (byte & 7))
    else if (kind === 'remove') result = Buffer.concat([result.subarray(0, i), result.subarray(i + count)])
    else if (kind === 'repeat') result = Buffer.concat([result.subarray(0, i + count), result.subarray(i)])
    else if (kind === 'cut') result = result.subarray(0, i)
    else if (i + 4 <= result.length) result.writeUInt32LE(2 ** 31 + byte * 2 ** 20, i)
  }
  return result
}

export interface Renumbering {
  readonly bytes: 1 | 2 | 4 | 8
  readonly at: number
  /** A number there, one from elsewhere, or so much more than is there. */
  readonly kind: 'set' | 'copy' | 'add'
  readonly value: number
  readonly from: number
}

/** One to three numbers of a file whose numbers lie at multiples of their size, as those of FlatBuffers do. */
export const numbers = fc.array(
  fc.record<Renumbering>({
    bytes: fc.constantFrom(1, 2, 4, 8),
    at: fc.nat(),
    kind: fc.constantFrom('set', 'copy', 'add'),
    value: fc.oneof(
      fc.integer({ min: -9, max: 40 }),
      fc.constantFrom(-128, 255, 1000, 2 ** 15, 2 ** 20, 2 ** 28, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, 2 ** 40, 2 ** 53),
    ),
    from: fc.nat(),
  }),
  { minLength: 1, maxLength: 3 },
)

export function renumbered(whole: Uint8Array, list: readonly Renumbering[]): Buffer {
  const result = Buffer.from(whole)
  for (const { bytes, at, kind, value, from } of list) {
    const slots = Math.floor(result.length / bytes)
    const [to, source] = [(at % slots) * bytes, (from % slots) * bytes]
    const now = BigInt.asUintN(8 * bytes, readAt(result, kind === 'add' ? to : source, bytes))
    const put = kind === 'set' ? BigInt(value) : kind === 'copy' ? now : now + BigInt(value)
    const number = Buffer.alloc(8)
    number.writeBigUInt64LE(BigInt.asUintN(64, put))
    result.set(number.subarray(0, bytes), to)
  }
  return result
}

function readAt(buffer: Buffer, at: number, bytes: number): bigint {
  const number = Buffer.alloc(8)
  buffer.copy(number, 0, at, at + bytes)
  return number.readBigUInt64LE()
}
