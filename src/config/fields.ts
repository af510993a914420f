import { z } from 'zod'

/**
 * The words the schema is written in. Each carries, as its `error`, what was expected: messages.ts adds the field,
 * the value that came and a suggestion.
 */

const SAFE = Number.MAX_SAFE_INTEGER

/** A whole number between `min` and `max`, both allowed. */
export function integer(min: number, max = SAFE) {
  const error = max === SAFE ? `an integer >= ${min}` : `an integer from ${min} to ${max}`
  return z.int({ error }).min(min, { error, abort: true }).max(max, { error, abort: true })
}

/** A finite number in an interval; `above` and `below` exclude their end. */
export function real(range: { min?: number; max?: number; above?: number; below?: number } = {}) {
  const { min, max, above, below } = range
  const error = `a number${interval(range)}`
  let schema = z.number({ error })
  if (min !== undefined) schema = schema.min(min, { error, abort: true })
  if (max !== undefined) schema = schema.max(max, { error, abort: true })
  if (above !== undefined) schema = schema.gt(above, { error, abort: true })
  if (below !== undefined) schema = schema.lt(below, { error, abort: true })
  return schema
}

function interval({ min, max, above, below }: { min?: number; max?: number; above?: number; below?: number }): string {
  const low = min ?? above
  const high = max ?? below
  if (low !== undefined && high !== undefined) {
    return ` in ${min === undefined ? '(' : '['}${low}, ${high}${max === undefined ? ')' : ']'}`
  }
  if (low !== undefined) return min === undefined ? ` > ${low}` : ` >= ${low}`
  if (high !== undefined) return max === undefined ? ` < ${high}` : ` <= ${high}`
  return ''
}

export function flag() {
  return z.boolean({ error: '`true` or `false`' })
}

export function text() {
  const error = 'a non-empty string'
  return z.string({ error }).min(1, { error, abort: true })
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values)
}

/**
 * The discriminator of a union's default member: it may be left out, so that `{ maxNorm: 2 }` or one lone flag is enough.
 */
export function defaultType<const Name extends string>(name: Name) {
  return z.literal(name).optional().default(name)
}

/** Holds two types to each other: tsc refuses `Agrees<Ours, Theirs>` unless ours can be used as theirs. */
export type Agrees<Ours extends Theirs, Theirs> = Ours
