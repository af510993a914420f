import { parse } from 'yaml'
import { UserError } from '../errors.ts'
import type { ConfigFlag } from './flags.ts'

/** A field and the text a flag gave it. */
export interface Assignment {
  readonly flag: Pick<ConfigFlag, 'path' | 'types'>
  readonly value: string
}

type Fields = Record<string, unknown>

/** What a shorthand stands for when a flag sets a field inside it: `--optimizer adam --optimizer.beta1 0.8`. */
const LONG_FORM: Readonly<Record<string, (short: unknown) => Fields>> = {
  optimizer: (type) => ({ type }),
  schedule: (type) => ({ type }),
  loss: (type) => ({ type }),
  data: (source) => ({ source }),
  clip: (short) => (typeof short === 'number' ? { mode: 'globalNorm', maxNorm: short } : { mode: short }),
}

/** The config with the assignments made, in their order; the given one is not changed. */
export function assignAll(config: Readonly<Fields>, assignments: readonly Assignment[]): Fields {
  return assignments.reduce<Fields>((result, { flag, value }) => assign(result, flag.path, parseValue(flag, value)), {
    ...config,
  })
}

function assign(config: Fields, path: readonly string[], value: unknown): Fields {
  const [key, ...rest] = path as [string, ...string[]]
  const old = Object.hasOwn(config, key) ? config[key] : undefined
  if (rest.length > 0) return withField(config, key, assign(asObject(key, old), rest, value))
  // A new source keeps what is said about its columns.
  if (key === 'data' && typeof value === 'string' && isObject(old))
    return withField(config, key, { ...old, source: value })
  return withField(config, key, value)
}

/** A copy with one own field set: a key such as `__proto__` becomes a field like any other, which the schema refuses. */
function withField(config: Fields, key: string, value: unknown): Fields {
  return Object.fromEntries([...Object.entries(config).filter(([other]) => other !== key), [key, value]])
}

function asObject(key: string, value: unknown): Fields {
  if (isObject(value)) return value
  const longForm = Object.hasOwn(LONG_FORM, key) ? LONG_FORM[key] : undefined
  return value !== undefined && longForm ? longForm(value) : {}
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The text of a flag as the field's type wants it: text stays text, lists may be separated by commas (one alone is a list
 * where nothing else may be), the rest is YAML.
 */
function parseValue({ path, types }: Assignment['flag'], text: string): unknown {
  if (types.size === 1 && types.has('string')) return text
  const parts = commaParts(text)
  const list = types.has('array') && !/^\s*\[/.test(text) && (parts.length > 1 || types.size === 1)
  const value = list ? parts.map((part) => yaml(part)) : yaml(text)
  return path.join('.') === 'model.layers' ? denseLayers(value) : value
}

/** What the commas separate that lie in no bracket; all of them where brackets do not match. */
function commaParts(text: string): string[] {
  const parts = ['']
  let depth = 0
  for (const char of text) {
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    if (char === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += char
  }
  return depth === 0 ? parts : text.split(',')
}

/** `[128, 10]` are a dense relu layer of 128 units and a linear one of 10. */
function denseLayers(value: unknown): unknown {
  if (!Array.isArray(value) || value.some((layer) => typeof layer === 'object' && layer !== null)) return value
  if (!value.every((units) => typeof units === 'number')) {
    const got = value.map(String).join(',')
    throw new UserError(`command line: \`model.layers\`: expected units of layers, such as 64,32,10, got \`${got}\``)
  }
  return value.map((units, i) => ({ type: 'dense', units, ...(i < value.length - 1 ? { activation: 'relu' } : {}) }))
}

function yaml(text: string): unknown {
  try {
    return parse(text) as unknown
  } catch {
    return text
  }
}

/** `--set optimizer.beta1=0.8`. */
export function parseSet(text: string): Assignment {
  const at = text.indexOf('=')
  if (at < 1) throw new UserError(`\`--set\`: expected path=value, got \`${text}\`; e.g. --set optimizer.beta1=0.8`)
  return {
    flag: { path: text.slice(0, at).split('.'), types: new Set(['array', 'string', 'object']) },
    value: text.slice(at + 1),
  }
}
