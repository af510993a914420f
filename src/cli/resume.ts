/** What `--resume` goes on from: a checkpoint, which in a run's folder must be that run's own. */
import { existsSync, statSync } from 'node:fs'
import { loadConfigFile } from '../config/file.ts'
import { parseConfig, type ResolvedConfig } from '../config/schema.ts'
import { describe, homeAdvice, UserError } from '../errors.ts'
import { refuseEndless } from '../interop/regular.ts'
import { readNewest, type Found } from '../train/rotation.ts'
import { runFiles } from './files.ts'
import { outFolder, type Given } from './settings.ts'

/** `--resume auto`: the run's own folder where it has a checkpoint; nothing to go on with where it has none. */
export function resumeOf(resume: string | true | undefined, folder: string): string | true | undefined {
  if (resume !== 'auto') return resume
  return existsSync(runFiles(folder).last) ? true : undefined
}

/** The checkpoint `--resume` means: a file, the last one of a run's folder, or that of this run's own folder. */
function findCheckpoint(resume: string | true, folder: string): string {
  const named = resume === true ? folder : resume
  if (!existsSync(named)) {
    const got = `\`${named}\`, which does not exist or cannot be reached${homeAdvice(named)}`
    throw new UserError(`--resume: expected a checkpoint or the folder of a run, got ${got}`)
  }
  if (!statSync(named).isDirectory()) return named
  const { last } = runFiles(named)
  if (existsSync(last)) return last
  throw new UserError(`--resume: there is no checkpoint \`${last}\`; train without --resume first`)
}

/**
 * The newest whole checkpoint that `--resume` means. One that is named as a file is taken as it is; one in a folder must be
 * of the run that the folder's config.yaml tells of.
 * @throws UserError
 */
export async function readResumed(resume: string | true, folder: string, given: Given): Promise<Found> {
  const path = findCheckpoint(resume, folder)
  const found = await readNewest(path)
  const named = resume === true ? folder : resume
  if (path === named) return found
  const { config } = runFiles(named)
  const own = await ownConfig(config)
  const foreign = own && otherwise(traits(own, given), traits(parseConfig(found.checkpoint.config, found.path), given))
  if (!foreign) return found
  throw new UserError(
    `--resume: expected a checkpoint of the run that ${config} describes, got that of another in ${found.path}: ` +
      `\`${foreign.field}\` is ${describe(foreign.expected)} there, and ${describe(foreign.got)} in the checkpoint. ` +
      `Put the run's own back, or go on as the other one by naming the file: --resume ${found.path}`,
  )
}

/** As `prepareRun` left it. Nothing where none is there, or none that can be read, as after a power cut. */
async function ownConfig(path: string): Promise<ResolvedConfig | undefined> {
  try {
    await refuseEndless(path)
    return parseConfig((await loadConfigFile(path)).value)
  } catch {
    return undefined
  }
}

/** What tells runs apart: where they write, and what no run changes on its way, unless a flag says so, or a repair. */
function traits(config: ResolvedConfig, { assigned }: Given): Readonly<Record<string, unknown>> {
  const { seed, data, loss, model, batchSize } = config
  const traits = { seed, data, loss, ...(config.health.mode === 'repair' ? {} : { model, batchSize }) }
  const set = assigned.map(({ flag }) => flag.path[0])
  const kept = Object.entries(traits).filter(([name]) => !set.includes(name))
  return { out: outFolder(config), ...Object.fromEntries(kept) }
}

interface Difference {
  readonly field: string
  readonly expected: unknown
  readonly got: unknown
}

/** The first field, however deep, that is not the same in both. */
function otherwise(expected: unknown, got: unknown, field = ''): Difference | undefined {
  if (!isNested(expected) || !isNested(got)) return expected === got ? undefined : { field, expected, got }
  for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    const difference = otherwise(expected[key], got[key], field ? `${field}.${key}` : key)
    if (difference) return difference
  }
  return undefined
}

const isNested = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
