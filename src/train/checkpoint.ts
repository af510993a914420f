/**
 * Model and checkpoint files: a header with version and checksum, then one MessagePack document. The only import of
 * msgpackr. Numbers go in as raw bytes: msgpackr's own typed arrays do not survive other readers.
 *
 *   bytes 0-9   "BRIGANTINE"
 *   10-11       format version, uint16 little-endian
 *   12-19       length of the document, uint64 little-endian
 *   20-51       SHA-256 of the document
 *   52-         the document
 *
 * Written to a temporary file in the same folder, synced, then renamed, and the folder synced: a reader sees the old
 * file or the new one, whenever the power is cut. Nothing in a file is ever run.
 */
import { createHash, randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as Msgpackr from 'msgpackr'
import { inSlices } from '../arena/turns.ts'
import { TrainingError, UserError, whyUnread, writeAdvice } from '../errors.ts'
import { refuseEndless } from '../interop/regular.ts'
import { checkDocument } from './document.ts'
import { makeFolder } from './folder.ts'
import type { PastEpochs } from './history.ts'
import { messageParts } from './parts.ts'
import type { Weights } from './weights.ts'

const MAGIC = Buffer.from('BRIGANTINE')
const HEADER_BYTES = 52
export const FORMAT_VERSION = 1
/** At a time: some hundred microseconds' work. */
const HASHED_BYTES = 2 ** 18

let loaded: Msgpackr.Packr | undefined

/** Loaded with the first checkpoint: a run without one need not wait for it. */
function packr(): Msgpackr.Packr {
  return (loaded ??= makePackr())
}

function makePackr(): Msgpackr.Packr {
  const { Packr } = createRequire(import.meta.url)('msgpackr') as typeof Msgpackr
  return new Packr({ useRecords: false, mapsAsObjects: true })
}

export interface Checkpoint {
  /** The resolved config, as plain data. */
  readonly config: unknown
  /** Features of a row, target columns, rows of the training data. */
  readonly inputs: number
  readonly targets: number
  readonly trainRows: number
  /** How raw data becomes rows of numbers: see data/transform.ts. */
  readonly transform: unknown
  readonly names: readonly string[]
  readonly weights: Weights
  /** Updates since the optimizer's state was new: Adam's t. */
  readonly updates: number
  /** The kernels that trained it: bits are comparable between equal ones only. */
  readonly kernels: string
  /** The sequencer's state, with which a run goes on at the exact step; `null` in a model without a run. */
  readonly state: Float64Array | null
  /** Parameters of the best epoch, where the run keeps them to end with. */
  readonly best: readonly Float32Array[] | null
  readonly history: PastEpochs
}

/**
 * @param beforeRename when all bytes are on the disk, under another name
 * @throws TrainingError for weights that are not finite: they are never saved, the file that was there stays
 */
export async function writeCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  beforeRename?: () => Promise<void>,
): Promise<void> {
  await checkFinite(path, checkpoint)
  const document = documentOf(checkpoint)
  const hash = createHash('sha256')
  for (const part of document) {
    await inSlices(part.length, (start, end) => hash.update(part.subarray(start, end)), HASHED_BYTES)
  }
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt16LE(FORMAT_VERSION, 10)
  header.writeBigUInt64LE(BigInt(document.reduce((sum, part) => sum + part.length, 0)), 12)
  hash.digest().copy(header, 20)
  await writeAtomically(path, [header, ...document], beforeRename)
}

/** Numbers are not copied: they stay as they are until all is written. */
function documentOf({ weights, best, state, ...rest }: Checkpoint): Uint8Array[] {
  const parts = messageParts()
  const put = (value: unknown) => parts.add(packr().pack(value))
  const putEach = (vector: readonly Float32Array[]) => {
    parts.array(vector.length)
    for (const values of vector) parts.binary(bytesOf(values))
  }
  const entries = Object.entries(rest)
  parts.map(entries.length + 4)
  for (const [key, value] of entries) {
    put(key)
    put(value)
  }
  put('parameters')
  putEach(weights.parameters)
  put('slots')
  parts.array(weights.slots.length)
  for (const slot of weights.slots) putEach(slot)
  put('best')
  if (best) putEach(best)
  else put(null)
  put('state')
  if (state) parts.binary(bytesOf(state))
  else put(null)
  return parts.end()
}

/** @throws UserError when the file is missing, truncated, altered, of a newer version, or no such file at all */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  await refuseEndless(path)
  const file = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const why = whyUnread(cause, 'model.brig')
    throw new UserError(`${path}: expected a model or checkpoint file, but ${why}.`, { cause })
  })
  return decodeCheckpoint(path, file)
}

/** @throws UserError, as `readCheckpoint`; `path` is named in it */
export function decodeCheckpoint(path: string, file: Buffer): Checkpoint {
  const begun = Math.min(file.length, MAGIC.length)
  if (begun === 0 || !file.subarray(0, begun).equals(MAGIC.subarray(0, begun))) {
    const got = file.length === 0 ? 'an empty file' : 'another kind of file'
    throw new UserError(
      `${path}: expected a Brigantine model or checkpoint, got ${got}. Name one that a training wrote, such as model.brig.`,
    )
  }
  if (file.length < HEADER_BYTES) {
    throw new UserError(
      `${path}: expected a header of ${HEADER_BYTES} bytes, got ${file.length} in all. ` +
        'The file is truncated: use the checkpoint before it.',
    )
  }
  const version = file.readUInt16LE(10)
  if (version < 1) throw new UserError(`${path}: expected a format version >= 1, got ${version}. The file was altered.`)
  if (version > FORMAT_VERSION) {
    throw new UserError(
      `${path}: expected format version ${FORMAT_VERSION} or older, got ${version}. ` +
        'The file was written by a newer Brigantine: upgrade this one.',
    )
  }
  const length = file.readBigUInt64LE(12)
  const document = file.subarray(HEADER_BYTES)
  if (BigInt(document.length) !== length) {
    throw new UserError(
      `${path}: expected ${length} bytes after the header, got ${document.length}. ` +
        `The file is ${BigInt(document.length) < length ? 'truncated' : 'altered'}: use the checkpoint before it.`,
    )
  }
  if (!createHash('sha256').update(document).digest().equals(file.subarray(20, HEADER_BYTES))) {
    throw new UserError(`${path}: the checksum does not match. The file was altered: use the checkpoint before it.`)
  }
  return decode(path, document)
}

export type Identity = Pick<Checkpoint, 'config' | 'inputs' | 'targets' | 'transform' | 'names' | 'kernels'>

/** Shapes are checked against the model by the trainer. */
function decode(path: string, document: Buffer): Checkpoint {
  const { parameters, slots, best, state, ...rest } = checkDocument(path, unpack(path, document))
  const floats = (bytes: Uint8Array) => new Float32Array(copyOf(bytes))
  return {
    ...rest,
    weights: { parameters: parameters.map(floats), slots: slots.map((slot) => slot.map(floats)) },
    best: best && best.map(floats),
    state: state && new Float64Array(copyOf(state)),
  }
}

function unpack(path: string, document: Buffer): unknown {
  try {
    return packr().unpack(document)
  } catch (cause) {
    throw new UserError(`${path}: the document cannot be read. It is not one of ours.`, { cause })
  }
}

function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Unpacked bytes lie unaligned inside the file's buffer. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}

async function checkFinite(path: string, { names, weights }: Checkpoint): Promise<void> {
  const vectors = [weights.parameters, ...weights.slots]
  for (const [v, vector] of vectors.entries()) {
    for (const [i, values] of vector.entries()) {
      if (await areFinite(values)) continue
      const what = v === 0 ? 'the parameter' : "the optimizer's state of"
      throw new TrainingError(
        `${path}: expected finite numbers to save, but ${what} \`${names[i]}\` has others. ` +
          'Nothing was written, and the file that was there stays: go on from it.',
      )
    }
  }
}

async function areFinite(values: Float32Array): Promise<boolean> {
  let finite = true
  await inSlices(values.length, (start, end) => {
    // NaN from the first that is not on.
    let sum = 0
    for (let i = start; i < end; i++) sum += 0 * values[i]!
    finite &&= sum === 0
  })
  return finite
}

/** @throws UserError when the disk is full or the folder cannot be written; the old file, if any, is untouched */
export async function writeAtomically(
  path: string,
  parts: readonly Uint8Array[],
  beforeRename?: () => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`
  try {
    makeFolder(dirname(path))
    const file = await open(temporary, 'wx')
    try {
      for (const part of parts) await file.writeFile(part)
      await file.sync()
    } finally {
      await file.close()
    }
    await beforeRename?.()
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    const { code } = cause as NodeJS.ErrnoException
    const advice = writeAdvice(code, 'Choose another folder with `out` (--out).')
    throw new UserError(`${path}: could not be written (${code ?? String(cause)}). ${advice}`, { cause })
  }
}

/** So that the new name outlives a power cut. Some systems know no such thing: there the rename has to do. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
