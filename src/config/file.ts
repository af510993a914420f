import { createReadStream, statSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, homeAdvice, readAsCommonJs, UserError } from '../errors.ts'
import { dataPaths } from './data.ts'
import type { Locate } from './schema.ts'
import type { ParsedText } from './text.ts'

/** A config as it stands in a file, not yet checked. */
export interface ConfigFile {
  readonly value: Record<string, unknown>
  /** `run.yaml:3:5` of a field, for messages. */
  readonly locate: Locate
}

/** A config is written by hand, or by a small program: far above what any holds, far below what fills memory. */
const MOST_BYTES = 2 ** 24

const MODULES = ['.ts', '.mts', '.js', '.mjs']

/**
 * Reads a config: YAML, JSON (comments allowed), or the default export of a TypeScript or JavaScript module,
 * which is run. Relative data paths are meant from the file's own folder (a pipe's: from the working one), and are made
 * relative to the working folder.
 * @throws UserError with file, line and column
 */
export async function loadConfigFile(path: string): Promise<ConfigFile> {
  const extension = extname(path).toLowerCase()
  const file = MODULES.includes(extension) ? await loadModule(path) : await loadText(path, extension === '.json')
  if (file.value === null || typeof file.value !== 'object' || Array.isArray(file.value)) {
    const what = MODULES.includes(extension) ? 'a default export that is a config object' : 'a config with fields'
    throw new UserError(`${path}: expected ${what}, got ${file.value === null ? 'nothing' : describe(file.value)}`)
  }
  const value = file.value as Record<string, unknown>
  return { value: { ...value, ...resolveData(value.data, folderOf(path)) }, locate: file.locate }
}

/** A pipe (`/dev/fd/63`) lies in no folder: the working one is meant. */
const folderOf = (path: string): string => (statSync(path, { throwIfNoEntry: false })?.isFile() ? dirname(path) : '.')

async function loadText(path: string, json: boolean): Promise<ParsedText> {
  let text: string
  try {
    // `-`: from a pipe, as for data.
    text = (await readBounded(path)).replace(/^\uFEFF/, '')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw cannotRead(path, error)
  }
  if (/^\uFFFD{2}|\u0000/.test(text)) {
    throw new UserError(`${path}: expected text in UTF-8, got another encoding, such as UTF-16. Save it as UTF-8.`)
  }
  // A large parser: only where a file is read.
  const { parseText } = await import('./text.ts')
  return parseText(path, json ? blankComments(text) : text)
}

/** A pipe tells no size, and a device has no end. */
async function readBounded(path: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of (path === '-' ? process.stdin : createReadStream(path)) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MOST_BYTES) {
      const most = `${MOST_BYTES / 2 ** 20} MiB`
      throw new UserError(`${path}: expected a config of at most ${most}, got more. Is it a file of data?`)
    }
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function loadModule(path: string): Promise<ParsedText> {
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
  const commonJs = readAsCommonJs(error)
  if (commonJs) return new UserError(`${path}: cannot read the config: ${commonJs}`, { cause: error })
  const reason = missing
    ? `no such file${homeAdvice(path)}`
    : code === 'EISDIR'
      ? 'it is a folder; name a file in it'
      : message
  return new UserError(`${path}: cannot read the config: ${reason}`, { cause: error })
}

/** The `data` field with its paths meant from `folder`; built-in sets and absolute paths stay as they are. */
const resolveData = (data: unknown, folder: string) =>
  replaceData(data, (path) => relative(process.cwd(), resolve(folder, path)) || '.')

/** The opposite of `loadConfigFile`: a config whose file is to lie in `folder`. */
export const forFolder = <C extends { readonly data?: unknown }>(config: C, folder: string) => ({
  ...config,
  ...replaceData(config.data, (path) => relative(folder, path) || '.'),
})

function replaceData(data: unknown, replace: (path: string) => string): { data?: unknown } {
  const place = (value: unknown) =>
    typeof value !== 'string' || value === '' || value === 'digits' || isAbsolute(value) ? value : replace(value)
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
