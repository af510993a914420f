/** The one import of koffi, an optional dependency: loaded when something native is asked for, and only then. */
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

export type { LibraryHandle } from 'koffi'

/** @throws Error where koffi is not installed */
export function loadKoffi(): typeof Koffi {
  return createRequire(import.meta.url)('koffi') as typeof Koffi
}
