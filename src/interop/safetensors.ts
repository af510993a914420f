/**
 * The safetensors format (huggingface/safetensors): what PyTorch's and Hugging Face's loaders read.
 *
 *   bytes 0-7   length of the header, uint64 little-endian
 *   then        the header: JSON, name -> {dtype, shape, data_offsets [from, to) in what follows}, `__metadata__` of strings
 *   then        the tensors' bytes, little-endian and row-major, without a gap
 *
 * A file is checked before memory is taken for it: the header's length against the file's, every tensor's bytes against
 * its shape and against the file. Nothing in a file is ever run.
 */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { UserError, describe, whyUnread } from '../errors.ts'
import { refuseEndless } from './regular.ts'
import { decoders } from './dtypes.ts'
import type { Dtype } from './dtypes.ts'

/** A tensor's name, shape and values (row-major). */
export interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

export interface Safetensors {
  readonly tensors: readonly Tensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/** Of the header; the format's own limit. */
const MAX_HEADER_BYTES = 100_000_000
const MAX_AXES = 32

/** The file's parts, in order. The header is padded with spaces to a multiple of 8, so that values lie aligned. */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array[] {
  let at = 0
  const described = tensors.map(({ name, shape, values }) => {
    at += values.byteLength
    return [name, { dtype: 'F32', shape, data_offsets: [at - values.byteLength, at] }] as const
  })
  // Not by assignment: a tensor may be called `__proto__`.
  const header = Object.fromEntries<unknown>([['__metadata__', metadata], ...described])
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8))
  json.copy(padded, 8)
  return [padded, ...tensors.map(({ values: v }) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength))]
}

/** @throws UserError when the file is missing, truncated, oversized, or its header does not describe it */
export async function readSafetensors(path: string): Promise<Safetensors> {
  await refuseEndless(path)
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: expected a safetensors file, but ${whyUnread(cause, 'model.safetensors')}.`, {
      cause,
    })
  })
  try {
    const { size } = await file.stat()
    return await readFrom((at, length) => bytesAt(file, at, length, path), size, path)
  } finally {
    await file.close()
  }
}

/** As `readSafetensors`, from bytes; `path` is named in errors. */
export function decodeSafetensors(bytes: Buffer, path: string): Promise<Safetensors> {
  return readFrom(async (at, length) => Buffer.from(bytes.subarray(at, at + length)), bytes.length, path)
}

type Read = (at: number, length: number) => Promise<Buffer>

async function readFrom(read: Read, size: number, path: string): Promise<Safetensors> {
  const header = await readHeader(read, size, path)
  const start = 8 + header.bytes
  const tensors: Tensor[] = []
  for (const { name, shape, dtype, from, to } of header.entries) {
    const values = decoders[dtype].decode(await read(start + from, to - from))
    tensors.push({ name, shape, values })
  }
  return { tensors, metadata: header.metadata }
}

interface Entry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
}

async function readHeader(read: Read, size: number, path: string) {
  const wrong = (text: string) => new UserError(`${path}: ${text}. The file is no safetensors file, or is damaged.`)
  if (size < 8) throw wrong(`expected at least 8 bytes, got ${size}`)
  const length = (await read(0, 8)).readBigUInt64LE()
  const most = Math.min(MAX_HEADER_BYTES, size - 8)
  if (length > BigInt(most)) throw wrong(`expected a header of at most ${most} bytes, got ${length}`)
  const bytes = Number(length)
  let parsed: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await read(8, bytes))
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new UserError(wrong('expected a header of JSON').message, { cause })
  }
  if (!isObject(parsed)) throw wrong('expected the header to be an object of tensors')
  const { __metadata__: metadata = {}, ...described } = parsed
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw wrong('expected `__metadata__` to hold texts')
  }
  const entries = Object.entries(described)
    .map(([name, value]) => entryOf(name, value, wrong))
    .sort((a, b) => a.from - b.from || a.to - b.to)
  let at = 0
  for (const { name, from, to } of entries) {
    if (from !== at)
      throw wrong(`expected the tensors to lie end to end: \`${name}\` begins at ${from} instead of ${at}`)
    at = to
  }
  if (at !== size - 8 - bytes) throw wrong(`expected ${at} bytes of tensors, got ${size - 8 - bytes}`)
  return { bytes, entries, metadata: metadata as Record<string, string> }
}

function entryOf(name: string, value: unknown, wrong: (text: string) => Error): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {}
  if (typeof dtype !== 'string' || !Object.hasOwn(decoders, dtype)) {
    const got = typeof dtype === 'string' ? dtype : describe(dtype)
    throw wrong(`tensor \`${name}\`: expected a dtype of ${Object.keys(decoders).join(', ')}, got ${got}`)
  }
  if (!isCounts(shape) || shape.length > MAX_AXES) throw wrong(`tensor \`${name}\`: expected a shape of whole numbers`)
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong(`tensor \`${name}\`: expected two \`data_offsets\``)
  const [from, to] = offsets as [number, number]
  // In whole numbers of any size: a product that overflows must not come out small.
  const needed = shape.reduce((product, n) => product * BigInt(n), BigInt(decoders[dtype as Dtype].bytes))
  if (BigInt(to) - BigInt(from) !== needed) {
    throw wrong(`tensor \`${name}\`: expected ${needed} bytes for shape [${shape.join(', ')}], got ${to - from}`)
  }
  return { name, dtype: dtype as Dtype, shape, from, to }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)

async function bytesAt(file: FileHandle, at: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, Math.min(length - read, 2 ** 30), at + read)
    if (bytesRead === 0) throw new UserError(`${path}: it became shorter while it was read.`)
    read += bytesRead
  }
  return bytes
}
