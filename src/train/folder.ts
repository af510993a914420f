import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** As mkdir with `recursive`, which never returns where a folder cannot be made although the one above exists (/proc). */
export function makeFolder(path: string): void {
  const above = dirname(path)
  if (above !== path && !existsSync(above)) makeFolder(above)
  try {
    mkdirSync(path)
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}
