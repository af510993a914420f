import type { z } from 'zod'
import { describe, suggest } from '../errors.ts'

/**
 * What zod found wrong, in our words: one line per problem with field, what was expected, what came, and a suggestion.
 * Inside the schema an issue's message holds what was *expected* (fields.ts, `expectation`); the rest is added here.
 */
export interface Problem {
  readonly path: readonly PropertyKey[]
  readonly text: string
}

type Issue = z.core.$ZodIssue

/** Names that people reach for and that are something else here. */
const ADVICE: Readonly<Record<string, string>> = {
  softmax: 'the loss takes logits, so leave it out; predict gives probabilities',
  prelu: "prelu has weights of its own: use a layer `{ type: 'prelu' }`",
  momentum: "use `{ type: 'sgd', momentum: 0.9 }`",
  mse: 'use `meanSquaredError`',
  mae: 'use `meanAbsoluteError`',
  bce: 'use `binaryCrossentropy`',
  focal: 'use `binaryFocalCrossentropy` or `sparseCategoricalFocalCrossentropy`',
  kl: 'use `klDivergence`',
  cosine: 'use `cosineDistance`',
  f1Score: 'use `f1`',
  crossentropy: 'use `sparseCategoricalCrossentropy` for class labels',
}

/** Names that fields have elsewhere. */
const FIELDS: Readonly<Record<string, string>> = {
  lr: 'learningRate',
  batch: 'batchSize',
  numEpochs: 'epochs',
  nEpochs: 'epochs',
  gradClip: 'clip',
  clipnorm: 'clip',
  clipNorm: 'clip',
  clipvalue: 'clip',
  clipValue: 'clip',
  maxGradNorm: 'clip',
  outputDir: 'out',
  threads: 'workers',
  numWorkers: 'workers',
}

/** Known fields of the object an `unrecognized_keys` issue speaks of; the list of keys is the one thing that both stages see. */
const knownFields = new WeakMap<readonly string[], readonly string[]>()

/** Error map for `safeParse`: what was expected, where the schema does not say it itself. */
export function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'object' || issue.expected === 'record'
        ? 'an object'
        : `a value of type ${issue.expected}`
    case 'invalid_value':
      return issue.values.length === 1 ? quote(issue.values[0]) : `one of ${issue.values.map(quote).join(', ')}`
    case 'unrecognized_keys': {
      const { def } = (issue.inst as z.core.$ZodObject)._zod
      knownFields.set(issue.keys, Object.keys(def.shape))
      return 'no unknown fields'
    }
    case 'invalid_union':
      return issue.discriminator ? `one of ${options(issue).map(quote).join(', ')}` : ''
    default:
      return 'another value'
  }
}

export function problemsOf(issues: readonly Issue[], input: unknown): Problem[] {
  return issues.flatMap((issue) => explain(issue, [], input))
}

function explain(issue: Issue, parent: readonly PropertyKey[], input: unknown): Problem[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownField(key, path, knownFields.get(issue.keys) ?? []))
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = flattened(issue.errors)
    const branch = bestBranch(branches)
    if (branch) return branch.flatMap((inner) => explain(inner, path, input))
    const inner = branches.flat().filter((candidate) => candidate.path.length === 0)
    const expected = issue.message || alternatives(inner.map((candidate) => candidate.message))
    return [wrongValue(path, expected, valuesOf(inner), input)]
  }
  return [wrongValue(path, issue.message, valuesOf([issue]), input)]
}

/** Unions inside unions count as one. */
function flattened(branches: readonly Issue[][]): Issue[][] {
  return branches.flatMap((issues) => {
    const [only, ...more] = issues
    const nested = only?.code === 'invalid_union' && only.path.length === 0 && more.length === 0
    return nested && only.errors.length > 0 ? flattened(only.errors) : [issues]
  })
}

/** 'an object' last: what is in it is said where one was given. */
function alternatives(expected: readonly string[]): string {
  const different = [...new Set(expected)].filter((text) => text !== '')
  return different.sort((a, b) => Number(a === 'an object') - Number(b === 'an object')).join(', or ')
}

/** The member of a union that the user meant: one that does not refuse the value as a whole, with the fewest problems. */
function bestBranch(branches: readonly Issue[][]): Issue[] | undefined {
  const meant = branches.filter((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys' || issue.code === 'custom'),
  )
  const ofAnotherKind = (issues: readonly Issue[]) => Number(issues.some(isDiscriminator))
  return meant.sort((a, b) => ofAnotherKind(a) - ofAnotherKind(b) || a.length - b.length)[0]
}

/** The field that tells the members of a union apart has another name than this member's. */
function isDiscriminator(issue: Issue): boolean {
  return issue.code === 'invalid_value' && issue.path.length === 1 && issue.path[0] === 'type'
}

function unknownField(key: string, path: readonly PropertyKey[], known: readonly string[]): Problem {
  const usual = Object.hasOwn(FIELDS, key) && known.includes(FIELDS[key]!) ? FIELDS[key] : undefined
  const close = usual ?? suggest(key, known)
  const advice = close ? `did you mean \`${close}\`?` : `known here: ${known.join(', ')}`
  return { path: [...path, key], text: `\`${pathText([...path, key])}\`: unknown field; ${advice}` }
}

function wrongValue(
  path: readonly PropertyKey[],
  expected: string,
  values: readonly string[],
  input: unknown,
): Problem {
  const value = valueAt(input, path)
  const where = path.length > 0 ? `\`${pathText(path)}\`: ` : ''
  if (value === undefined && path.length > 0) return { path, text: `${where}missing; expected ${expected}` }
  const advice = typeof value === 'string' ? adviceFor(value, values) : ''
  return { path, text: `${where}expected ${expected}, got ${describe(value)}${advice}` }
}

function adviceFor(value: string, values: readonly string[]): string {
  const known = values.length > 0 && Object.hasOwn(ADVICE, value) ? ADVICE[value] : undefined
  if (known) return `; ${known}`
  const close = suggest(value, values)
  return close ? `; did you mean \`${close}\`?` : ''
}

function valuesOf(issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'invalid_value') return issue.values.map(String)
    return issue.code === 'invalid_union' ? options(issue).map(String) : []
  })
}

/** The names a discriminated union knows; a default member's "left out" is not one. */
function options(issue: object): unknown[] {
  const { options } = issue as { options?: readonly unknown[] }
  return options?.filter((option) => option !== undefined) ?? []
}

/** `model.layers[2].units` */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('')
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function quote(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
