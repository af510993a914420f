/**
 * The document of a checkpoint file is from strangers: a checksum says that it is whole, not that it is ours. Here every
 * field is what the rest of the program takes it for, or the file is refused.
 */
import { UserError, describe } from '../errors.ts'

/** The fields as they lie in the file: numbers as raw bytes. */
export interface Document {
  readonly config: object
  readonly inputs: number
  readonly targets: number
  readonly trainRows: number
  readonly transform: object | null
  readonly names: readonly string[]
  readonly parameters: readonly Uint8Array[]
  readonly slots: readonly (readonly Uint8Array[])[]
  readonly best: readonly Uint8Array[] | null
  readonly state: Uint8Array | null
  readonly updates: number
  readonly kernels: string
  readonly history: { readonly epoch: readonly number[]; readonly history: Readonly<Record<string, readonly number[]>> }
}

type Check = (value: unknown) => boolean

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isObject: Check = (value) =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
const isBytes =
  (each: number): Check =>
  (value) =>
    value instanceof Uint8Array && value.length % each === 0
const isList =
  (of: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(of)
const isNumber: Check = (value) => typeof value === 'number'
const isText: Check = (value) => typeof value === 'string'
const isHistory: Check = (value) => {
  if (!isObject(value)) return false
  const { epoch, history, actions } = value as Record<string, unknown>
  if (!isList(isNumber)(epoch) || !isObject(history)) return false
  const mended = actions === undefined || actions === null || isList(isObject)(actions)
  return mended && Object.values(history as object).every(isList(isNumber))
}
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)

const FIELDS: Record<keyof Document, [what: string, check: Check]> = {
  config: ['an object', isObject],
  inputs: ['a whole number', isCount],
  targets: ['a whole number', isCount],
  trainRows: ['a whole number', isCount],
  transform: ['an object or null', orNull(isObject)],
  names: ['a list of names', isList(isText)],
  parameters: ['a list of float32 tensors', isList(isBytes(4))],
  slots: ['lists of float32 tensors', isList(isList(isBytes(4)))],
  best: ['a list of float32 tensors or null', orNull(isList(isBytes(4)))],
  state: ['float64 words or null', orNull(isBytes(8))],
  updates: ['a whole number', isCount],
  kernels: ['a name', isText],
  history: ['values by epoch', isHistory],
}

/** @throws UserError naming the first field that is something else */
export function checkDocument(path: string, document: unknown): Document {
  if (!isObject(document)) {
    throw new UserError(
      `${path}: expected the fields of a checkpoint, got ${describe(document)}. It is not one of ours.`,
    )
  }
  const fields = document as Record<string, unknown>
  for (const [name, [what, check]] of Object.entries(FIELDS)) {
    if (check(fields[name])) continue
    throw new UserError(
      `${path}: expected \`${name}\` to be ${what}, got ${describe(fields[name])}. It is not one of ours.`,
    )
  }
  const { names, parameters, slots } = fields as unknown as Document
  if ([parameters, ...slots].some(({ length }) => length !== names.length)) {
    throw new UserError(`${path}: expected a tensor for each of ${names.length} names. It is not one of ours.`)
  }
  return fields as unknown as Document
}
