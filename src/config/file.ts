import { readFileSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { UserError } from '../errors.ts'
import { dataPaths } from './data.ts'
import type { Locate } from './schema.ts'

/** A config as it stands in a file, not yet checked. */
export interface ConfigFile {
  readonly value: Record<string, unknown>
  /** `run.yaml:3:5` of a field, for messages. */
  readonly locate: Locate
}

const MODULES = ['.ts', '.mts', '.js', '.mjs']

/**
 * Reads a config: YAML, JSON (comments allowed), or the default export of a TypeScript or JavaScript module,
 * which is run. Relative data paths are meant from the file's own folder, and are made relative to the working folder.
 * @throws UserError with file, line and column
 */
export async function loadConfigFile(path: string): Promise<ConfigFile> {
  const extension = extname(path).toLowerCase()
  const file = MODULES.includes(extension) ? await loadModule(path) : loadText(path, extension === '.json')
  if (file.value === null || typeof file.value !== 'object' || Array.isArray(file.value)) {
    const what = MODULES.includes(extension) ? 'a default export that is a config object' : 'a config with fields'
    throw new UserError(`${path}: expected ${what}, got ${file.value === null ? 'nothing' : typeof file.value}`)
  }
  const value = file.value as Record<string, unknown>
  return { value: { ...value, ...resolveData(value.data, dirname(path)) }, locate: file.locate }
}

function loadText(path: string, json: boolean): { value: unknown; locate: Locate } {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    throw cannotRead(path, error)
  }
  const lines = new LineCounter()
  // Every JSON text is YAML, so one parser gives both their lines and columns.
  const document = parseDocument(json ? blankComments(text) : text, { lineCounter: lines, prettyErrors: false })
  const [first] = document.errors
  if (first) {
    const { line, col } = lines.linePos(first.pos[0])
    throw new UserError(`${path}:${line}:${col}: ${first.message}`, { cause: first })
  }
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  try {
    // An alias is expanded at most 100 times: a small file cannot become a large config.
    return { value: document.toJS({ maxAliasCount: 100 }), locate: (field) => at(offsetOf(document, field)) }
  } catch (error) {
    throw new UserError(`${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** Where a field stands: its key, or the closest thing above it that the file has. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      )
      if (!pair) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (isNode(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return offset
}

async function loadModule(path: string): Promise<{ value: unknown; locate: Locate }> {
  const locate: Locate = () => path
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }
    return { value: module.default, locate }
  } catch (error) {
    throw cannotRead(path, error)
  }
}

function cannotRead(path: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException
  const missing = code === 'ENOENT' || (code === 'ERR_MODULE_NOT_FOUND' && message.includes(basename(path)))
  if (error instanceof SyntaxError && /\bimport\b|\bexport\b/.test(message)) {
    const advice = 'name it .mts or .mjs, or set "type": "module" in package.json'
    return new UserError(`${path}: cannot read the config: it is an ES module, but is read as CommonJS; ${advice}`, {
      cause: error,
    })
  }
  const reason = missing ? 'no such file' : code === 'EISDIR' ? 'it is a folder; name a file in it' : message
  return new UserError(`${path}: cannot read the config: ${reason}`, { cause: error })
}

/** The `data` field with its paths meant from `folder`; built-in sets and absolute paths stay as they are. */
function resolveData(data: unknown, folder: string): { data?: unknown } {
  const place = (value: unknown) =>
    typeof value !== 'string' || value === '' || value === 'digits' || isAbsolute(value)
      ? value
      : relative(process.cwd(), resolve(folder, value)) || '.'
  if (typeof data === 'string') return { data: place(data) }
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return data === undefined ? {} : { data }
  const entries = Object.entries(data).map(([key, value]) => [
    key,
    (dataPaths as readonly string[]).includes(key) ? place(value) : (value as unknown),
  ])
  return { data: Object.fromEntries(entries) as unknown }
}

/** JSON's comments, `//` and the slash-star kind, turned into spaces so that lines and columns stay. Strings are kept. */
export function blankComments(text: string): string {
  const token = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return text.replace(token, (found) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' ')))
}
