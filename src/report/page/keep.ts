/** Keeps a run's signals on disk while it goes on, and leaves the report at its end. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { SignalLog } from '../../train/signals.ts'
import { reportPage } from './page.ts'
import { readRun } from './record.ts'

/** A run that is killed loses no more than this of its signals. */
const EVERY_MILLIS = 5_000

export interface SignalFile {
  /** To be called often: writes when it is time, if it can. */
  keep(signals: SignalLog): void
  /** Writes now. */
  write(signals: SignalLog): void
}

export function openSignals(path: string): SignalFile {
  let last = performance.now()
  const write = (signals: SignalLog) => {
    const temporary = `${path}.tmp`
    writeFileSync(temporary, signals.toBytes())
    renameSync(temporary, path)
    last = performance.now()
  }
  return {
    write,
    keep: (signals) => {
      if (performance.now() - last < EVERY_MILLIS) return
      last = performance.now()
      try {
        write(signals)
      } catch {
        // A full disk is told of by what cannot be done without it: the next checkpoint.
      }
    },
  }
}

/** What an interrupted run left, to go on in; new where there is nothing, or nothing that can be read. */
export function signalsBefore(path: string): SignalLog {
  try {
    return SignalLog.fromBytes(readFileSync(path), path)
  } catch {
    return new SignalLog()
  }
}

export function writeReport(folder: string, path: string): void {
  writeFileSync(path, reportPage(readRun(folder), Date.now()))
}
