/** The package's own files, from wherever its code lies: the source tree, which Node runs as it is, or dist/. */
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { dirname, join, relative, sep } from 'node:path'

const here = import.meta.dirname
const root = rootOf(here)
const isCompiled = relative(root, here).split(sep)[0] === 'dist'

/** A file that the build leaves beside the code. @param path from the root of the source: `src/kernels/assembly/x.wasm` */
export const fileOf = (path: string): URL => pathToFileURL(join(root, isCompiled ? 'dist' : '', path))

/** The entry of a thread. @param path from the root of the source, without its ending: `workers/worker` */
export const entryOf = (path: string): URL => fileOf(`${path}${isCompiled ? '.js' : '.ts'}`)

/** This package's, as package.json has it. */
export function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
}

function rootOf(folder: string): string {
  const isRoot = existsSync(join(folder, 'package.json')) || dirname(folder) === folder
  return isRoot ? folder : rootOf(dirname(folder))
}
