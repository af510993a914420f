/**
 * One training at a time in a folder: two would rotate each other's checkpoints away. The sign is a name that the system gives
 * once and takes back from a process that is gone, however it ended: of an abstract socket on Linux, of a pipe on Windows.
 * Elsewhere, and on other machines, nobody sees it.
 */
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { UserError } from '../errors.ts'
import { makeFolder } from './folder.ts'

const PREFIX: Partial<Record<NodeJS.Platform, string>> = { linux: '\0', win32: '\\\\.\\pipe\\' }

/**
 * @returns gives it back
 * @throws UserError where another training has it, of this process or another
 */
export async function claim(folder: string): Promise<() => Promise<void>> {
  const prefix = PREFIX[process.platform]
  const identity = prefix === undefined ? undefined : await identityOf(folder)
  if (identity === undefined) return async () => {}
  const server = createServer((other) => other.destroy())
  server.unref()
  const code = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    // A cluster's workers would share it.
    server.listen({ path: `${prefix}brigantine-${identity}`, exclusive: true }, () => resolve(undefined))
  })
  if (code === 'EADDRINUSE')
    throw new UserError(
      `Expected a folder of its own for this training's checkpoints, but another training is at work in ${folder}. ` +
        'Choose another one (`out`, --out), or wait for its end.',
    )
  return () => new Promise((resolve) => server.close(() => resolve()))
}

/** Whatever path leads there; nothing where it cannot be, which is told when it is written to. */
async function identityOf(folder: string): Promise<string | undefined> {
  try {
    makeFolder(folder)
    const { dev, ino } = await stat(folder, { bigint: true })
    return `${dev}-${ino}`
  } catch {
    return undefined
  }
}
