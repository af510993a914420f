/**
 * The files of a run's checkpoints: `last.ckpt` is the newest, `last.1.ckpt` the one before, .. `last.N.ckpt`, and
 * `good.ckpt` the newest after which training stayed healthy for another epoch: it stays however many come after it.
 *
 * At every instant, whenever the process may be killed, the newest name is there and whole: older ones are made by
 * links beside it, and it is replaced by one rename.
 */
import { link, readdir, rename, rm, copyFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'

export const LAST = 'last.ckpt'
export const GOOD = 'good.ckpt'

/** `last.ckpt` of so many checkpoints ago: itself for 0. */
export function older(path: string, age: number): string {
  return age === 0 ? path : path.replace(/(\.[^.]*)$/, `.${age}$1`)
}

/** Makes room for a new file at `path`: what is there is also the one before from now on. Keeps `keep` files in all. */
export async function shift(path: string, keep: number): Promise<void> {
  if (keep < 2 || !existsSync(path)) return
  for (let age = keep - 1; age > 1; age--) {
    if (existsSync(older(path, age - 1))) await rename(older(path, age - 1), older(path, age))
  }
  await alias(path, older(path, 1))
}

/** The file at `path` is the known-good one from now on. */
export const promote = (path: string): Promise<void> => alias(path, join(dirname(path), GOOD))

/** Another run's older files are no help to this one. */
export async function forgetOlder(path: string): Promise<void> {
  const [, stem, extension] = /^(.*)(\.[^.]*)$/.exec(basename(path))!
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    const age = name.startsWith(`${stem}.`) && name.endsWith(extension!) ? name.slice(stem!.length + 1) : ''
    if (name === GOOD || /^\d+\.[^.]*$/.test(age)) await rm(join(dirname(path), name), { force: true })
  }
}

/** What a process that was killed left of files that it was writing. */
export async function forgetUnfinished(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    for (const name of await readdir(dirname(path)).catch(() => [])) {
      const rest = name.startsWith(basename(path)) ? name.slice(basename(path).length) : ''
      if (/^\.[0-9a-f]{8}\.tmp$/.test(rest)) await rm(join(dirname(path), name), { force: true })
    }
  }
}

/** A second name for a file, in the place of what had that name. A copy where the file system has no links. */
async function alias(path: string, name: string): Promise<void> {
  const temporary = `${name}.tmp`
  await rm(temporary, { force: true })
  await link(path, temporary).catch(() => copyFile(path, temporary))
  await rename(temporary, name)
  // Two names of one file: then rename does nothing.
  await rm(temporary, { force: true })
}

export interface Found {
  readonly checkpoint: Checkpoint
  readonly path: string
  /** What was wrong with the newer ones. */
  readonly passedOver: readonly string[]
}

/**
 * The newest checkpoint that is whole: the one at `path`, else the ones before it, else the known-good one.
 * @throws UserError with what is wrong with each when there is none
 */
export async function readNewest(path: string): Promise<Found> {
  const passedOver: string[] = []
  let first: unknown
  for (const candidate of candidates(path)) {
    try {
      return { checkpoint: await readCheckpoint(candidate), path: candidate, passedOver }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      first ??= error
      passedOver.push(error.message)
    }
  }
  if (passedOver.length === 1) throw first as Error
  throw new UserError([...passedOver, `None of these ${passedOver.length} is whole.`].join('\n'), { cause: first })
}

function candidates(path: string): string[] {
  const found = [path]
  if (basename(path) !== LAST) return found
  for (let age = 1; existsSync(older(path, age)); age++) found.push(older(path, age))
  const good = join(dirname(path), GOOD)
  return existsSync(good) ? [...found, good] : found
}
