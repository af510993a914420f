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

type Slot = readonly [parent: Record<string, unknown>, key: string]

export function changed(tree: unknown, list: readonly Change[]): unknown {
  const root = { tree: structuredClone(tree) } as Record<string, unknown>
  for (const { at, kind, value, from } of list) {
    const slots = slotsOf(root, 0)
    const [parent, key] = slots[at % slots.length]!
    const [source, sourceKey] = slots[from % slots.length]!
    switch (kind) {
      case 'replace':
        set(parent, key, structuredClone(value))
        break
      case 'remove':
        if (Array.isArray(parent)) parent.splice(Number(key), 1)
        else if (parent !== root) delete parent[key]
        break
      case 'rename':
        if (Array.isArray(parent) || parent === root) break
        set(parent, typeof value === 'string' ? value : `${key}${key}`, parent[key])
        delete parent[key]
        break
      case 'graft':
        // A copy: a structure that holds itself comes from no file.
        set(parent, key, structuredClone(source[sourceKey]))
        break
      case 'repeat':
        if (Array.isArray(parent) && parent.length < 64) parent.push(structuredClone(parent[Number(key)]))
        break
    }
  }
  return root.tree
}

/** As JSON.parse sets it: a key such as `__proto__` is one like any other. */
function set(parent: object, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })
}

function slotsOf(value: unknown, depth: number): Slot[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth > 12) return []
  const parent = value as Record<string, unknown>
  return Object.keys(parent).flatMap((key): Slot[] => [[parent, key], ...slotsOf(parent[key], depth + 1)])
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
