import { readFileSync, statSync, truncateSync } from 'node:fs'
import { pino } from 'pino'
import { UserError } from '../errors.ts'

/** The log of a run: one JSON line per epoch and per event. Written at once, so a killed process loses no line. */
export interface RunLog {
  readonly path: string
  /** @param steps that were taken by its end, those included that were taken back */
  epoch(epoch: number, steps: number, logs: Readonly<Record<string, number>>): void
  event(event: string, fields?: Readonly<Record<string, unknown>>): void
  close(): void
}

/**
 * Opens (creates, or continues) a log file and the folders above it.
 * Every line has `level`, `time` (milliseconds since 1970) and `event`. NaN and infinities are written as strings,
 * because JSON has no word for them and `null` would hide them.
 * @throws UserError when the file cannot be opened or written
 */
export function openLog(path: string): RunLog {
  let failure: Error | undefined
  const fail = (error: unknown): never => {
    throw new UserError(`Cannot write the log \`${path}\`: ${(error as Error).message}`, { cause: error })
  }
  let destination: ReturnType<typeof pino.destination>
  try {
    dropTornLine(path)
    destination = pino.destination({ dest: path, sync: true, mkdir: true, append: true })
  } catch (error) {
    return fail(error)
  }
  destination.on('error', (error: Error) => (failure = error))
  const logger = pino({ base: undefined }, destination)
  const write = (event: string, fields: Readonly<Record<string, unknown>>) => {
    logger.info({ event, ...plain(fields) })
    if (failure) fail(failure)
  }
  return {
    path,
    epoch: (epoch, steps, logs) => write('epoch', { epoch: epoch + 1, steps, ...logs }),
    event: (event, fields = {}) => write(event, fields),
    close: () => {
      destination.end()
    },
  }
}

/** A process that was killed, or a disk that was full, may have left the last line unfinished: the next would continue it. */
function dropTornLine(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return
  const bytes = readFileSync(path)
  const whole = bytes.lastIndexOf('\n') + 1
  if (whole < bytes.length) truncateSync(path, whole)
}

function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ]),
  )
}
