import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { forFolder } from '../config/file.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import { UserError, writeAdvice } from '../errors.ts'
import { LOG_FILE, REPORT_FILE, SIGNALS_FILE } from '../report/page/record.ts'
import { makeFolder } from '../train/folder.ts'
import { BEST } from '../train/keeper.ts'
import { LAST } from '../train/rotation.ts'

/** What a run leaves behind, all in one folder. */
export interface RunFiles {
  readonly folder: string
  readonly model: string
  /** The last healthy state, and the best one: `--resume` goes on from either. */
  readonly last: string
  readonly best: string
  readonly log: string
  readonly config: string
  /** What was measured, and the page made of it. */
  readonly signals: string
  readonly report: string
}

export function runFiles(folder: string): RunFiles {
  return {
    folder,
    model: join(folder, 'model.brig'),
    last: join(folder, LAST),
    best: join(folder, BEST),
    log: join(folder, LOG_FILE),
    config: join(folder, 'config.yaml'),
    signals: join(folder, SIGNALS_FILE),
    report: join(folder, REPORT_FILE),
  }
}

/**
 * Makes the folder and writes the resolved config into it. A new run begins a new log; a resumed one continues it.
 * @throws UserError when the folder cannot be written
 */
export function prepareRun(files: RunFiles, config: ResolvedConfig, resumed: boolean): void {
  const temporary = `${files.config}.tmp`
  try {
    makeFolder(files.folder)
    writeFileSync(temporary, stringify(forFolder(config, files.folder)))
    renameSync(temporary, files.config)
    if (!resumed) for (const file of [files.log, files.signals, files.report]) rmSync(file, { force: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (existsSync(temporary)) rmSync(temporary)
    const advice = writeAdvice(code, 'Choose another folder with `out` (--out).')
    throw new UserError(`Cannot write to \`out\` folder \`${files.folder}\`: ${message}. ${advice}`, { cause: error })
  }
}
