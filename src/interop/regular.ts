import { stat } from 'node:fs/promises'
import { UserError } from '../errors.ts'

/** A pipe or device may never end, or give nothing for ever. @throws UserError for them; what is missing is left to the reader */
export async function refuseEndless(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found || found.isFile() || found.isDirectory()) return
  throw new UserError(`${path}: expected a file, got a pipe, socket or device. Copy what it gives into a file.`)
}
