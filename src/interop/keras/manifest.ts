/**
 * Weights of a tf.js model: groups of tensors whose bytes lie end to end in the files of the group, little-endian and
 * row-major. A tensor may be stored in fewer bits: uint8 and uint16 as value scale + min, or float16.
 * Sizes are checked against the files before memory is taken.
 */
import { UserError, describe } from '../../errors.ts'
import { decoders } from '../dtypes.ts'
import type { Dtype } from '../dtypes.ts'
import { field, isCount, listOf, textOf } from './fields.ts'

/** Where the files of a manifest are. */
export interface Shards {
  /** Bytes of a file. @throws UserError where there is none, or it lies elsewhere */
  size(path: string): Promise<number>
  read(path: string): Promise<Uint8Array>
}

export interface Entry {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: Dtype
  /** Of a value: v scale + min. */
  readonly scale: number
  readonly min: number
  /** Where it begins in its group. */
  readonly at: number
  readonly bytes: number
}

export interface Group {
  readonly paths: readonly string[]
  readonly entries: readonly Entry[]
  readonly bytes: number
}

const STORED: Readonly<Record<string, Dtype>> = {
  ...{ float32: 'F32', int32: 'I32', bool: 'BOOL' },
  ...{ float16: 'F16', uint16: 'U16', uint8: 'U8' },
}
const MAX_AXES = 32
/** Of a group: what the memory of a model holds. */
const MAX_BYTES = 2 ** 32

/** @throws UserError naming the weight that is described wrongly */
export function groupsOf(manifest: unknown): Group[] {
  if (!Array.isArray(manifest))
    throw new UserError(`expected \`weightsManifest\` to be a list, got ${describe(manifest)}`)
  return manifest.map((group: unknown) => {
    let at = 0
    const entries = listOf(field(group, 'weights')).map((weight) => {
      const entry = entryOf(weight, at)
      at += entry.bytes
      if (at > MAX_BYTES)
        throw new UserError(`weight \`${entry.name}\`: expected at most ${MAX_BYTES} bytes of weights`)
      return entry
    })
    return { paths: listOf(field(group, 'paths')).map(textOf), entries, bytes: at }
  })
}

function entryOf(weight: unknown, at: number): Entry {
  const [name, shape, quantization] = [field(weight, 'name'), field(weight, 'shape'), field(weight, 'quantization')]
  if (typeof name !== 'string') throw new UserError(`expected a weight with a name, got ${describe(weight)}`)
  if (!Array.isArray(shape) || shape.length > MAX_AXES || !shape.every(isCount))
    throw new UserError(`weight \`${name}\`: expected a shape of whole numbers, got ${describe(shape)}`)
  const stored = textOf(field(quantization, 'dtype') ?? field(weight, 'dtype'))
  if (!Object.hasOwn(STORED, stored))
    throw new UserError(
      `weight \`${name}\`: expected a dtype of ${Object.keys(STORED).join(', ')}, got ${stored || 'none'}`,
    )
  const [scale, min] = [field(quantization, 'scale') ?? 1, field(quantization, 'min') ?? 0]
  if (typeof scale !== 'number' || typeof min !== 'number')
    throw new UserError(`weight \`${name}\`: expected \`quantization\` with numbers for scale and min`)
  const dtype = STORED[stored]!
  // In whole numbers of any size: a product that overflows must not come out small.
  const bytes = shape.reduce((product: bigint, n) => product * BigInt(n), BigInt(decoders[dtype].bytes))
  if (bytes > BigInt(MAX_BYTES))
    throw new UserError(`weight \`${name}\`: expected at most ${MAX_BYTES} bytes, got ${bytes}`)
  return { name, shape, dtype, scale, min, at, bytes: Number(bytes) }
}

/** @throws UserError when the files hold more or less than the manifest says */
export async function checkSizes(groups: readonly Group[], shards: Shards): Promise<void> {
  const seen = new Set<string>()
  for (const { paths, bytes } of groups) {
    let found = 0
    for (const path of paths) {
      if (seen.has(path)) throw new UserError(`expected each file of weights once, got ${path} twice`)
      seen.add(path)
      found += await shards.size(path)
    }
    if (found !== bytes)
      throw new UserError(`expected ${bytes} bytes of weights in ${paths.join(', ') || 'no file'}, got ${found}`)
  }
}

/** Values of the wanted tensors. */
export async function readGroup(
  { paths, entries, bytes }: Group,
  wanted: ReadonlySet<Entry>,
  shards: Shards,
): Promise<Map<Entry, Float32Array>> {
  const whole = Buffer.alloc(bytes)
  let at = 0
  for (const path of paths) {
    const content = await shards.read(path)
    if (at + content.length > bytes) throw new UserError(`${path}: it became longer while it was read`)
    whole.set(content, at)
    at += content.length
  }
  if (at !== bytes) throw new UserError(`${paths.join(', ')}: became shorter while it was read`)
  return new Map(
    entries
      .filter((entry) => wanted.has(entry))
      .map((entry) => {
        const values = decoders[entry.dtype].decode(whole.subarray(entry.at, entry.at + entry.bytes))
        const { scale, min } = entry
        return [entry, scale === 1 && min === 0 ? values : values.map((value) => value * scale + min)]
      }),
  )
}
