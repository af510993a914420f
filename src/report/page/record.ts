/** What a run left in its folder, finished or not: the log's lines and the signals. Everything in it came from files. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfusionMatrix } from '../../model/metrics/confusion.ts'
import { UserError, whyUnread } from '../../errors.ts'
import { SignalLog } from '../../train/signals.ts'

export const LOG_FILE = 'log.jsonl'
export const SIGNALS_FILE = 'signals.bin'
export const REPORT_FILE = 'report.html'

export interface RunEvent {
  readonly step: number
  readonly code: string
  readonly severity: 'ok' | 'info' | 'warn' | 'fault' | 'fatal'
  readonly text: string
  readonly layer?: string | undefined
}

export interface RunAction {
  readonly step: number
  readonly what: string
  readonly text: string
  /** Another, tried beside it, did better: nothing of it is left. */
  readonly isForgotten: boolean
}

export interface RunRecord {
  readonly name: string
  /** As the log's first line has it. */
  readonly config: Readonly<Record<string, unknown>>
  readonly data: {
    readonly source?: string
    readonly rows?: Readonly<Record<string, number>>
    readonly features?: number
  }
  readonly epochs: readonly Readonly<Record<string, number>>[]
  /** Steps that were taken by the end of each. */
  readonly epochEnds: readonly number[]
  /** Epochs that it was to have: batches of another size make others of it. */
  readonly epochsInAll: number | undefined
  readonly events: readonly RunEvent[]
  readonly actions: readonly RunAction[]
  /** Loss and metrics on the test data, and which classes were confused; undefined where there was no test. */
  readonly test: { readonly values: Readonly<Record<string, number>>; readonly confusion?: ConfusionMatrix } | undefined
  readonly signals: SignalLog
  /** How it ended; undefined while it runs, or when it was killed. */
  readonly stopped: string | undefined
  readonly error: string | undefined
  readonly seconds: number
  readonly skipped: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly changedAt: number
}

type Line = Readonly<Record<string, unknown>>

/** @throws UserError where there is no run, or its files are damaged */
export function readRun(folder: string): RunRecord {
  const path = join(folder, LOG_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const why = whyUnread(cause as NodeJS.ErrnoException, LOG_FILE)
    throw new UserError(`${path}: expected the log of a run, but ${why}. Name the folder of a run.`, { cause })
  }
  const lines = parseLines(text, path)
  const starts = lines.filter(({ event }) => event === 'start')
  if (starts.length === 0) throw new UserError(`${path}: expected the log of a run; it has no \`start\` line.`)
  const start = starts.at(-1)!
  const since = lines.slice(lines.lastIndexOf(start))
  const end = since.find(({ event }) => event === 'end')
  const error = since.find(({ event }) => event === 'error')
  const { signals, changedAt } = readSignals(join(folder, SIGNALS_FILE))
  const last = Number(lines.at(-1)!.time) || 0
  const ends = lines.filter(({ event }) => event === 'epoch')
  return {
    name: folder.replace(/\/+$/, '').split(/[/\\]/).at(-1) || folder,
    config: objectOf(start.config),
    data: objectOf(start.data),
    epochs: ends.map((line) => numbersOf(line)),
    epochEnds: ends.map(({ steps }, i) => Number(steps ?? ((i + 1) * signals.steps) / ends.length)),
    epochsInAll: Number(end?.epochs ?? objectOf(start.config).epochs) || undefined,
    events: lines.filter(({ event }) => event === 'health').map(eventOf),
    actions: actionsOf(lines),
    test: testOf(since.findLast(({ event }) => event === 'test')),
    signals,
    stopped: end ? textOf(end.stopped) : undefined,
    error: error ? textOf(error.message) : undefined,
    seconds: end ? Number(end.seconds) : (last - Number(start.time)) / 1000,
    skipped: end ? Number(end.skipped) : lines.filter(({ decision }) => decision === 'skip').length,
    startedAt: Number(starts[0]!.time) || 0,
    changedAt: Math.max(last, changedAt),
  }
}

/** A run that is being written, or was killed, may end in the middle of a line: only the last one may be broken. */
function parseLines(text: string, path: string): Line[] {
  const rows = text.split('\n').filter((row) => row.trim() !== '')
  return rows.flatMap((row, i) => {
    try {
      return [objectOf(JSON.parse(row))]
    } catch (cause) {
      if (i === rows.length - 1) return []
      throw new UserError(`${path}, line ${i + 1}: expected a line of JSON. The file was altered.`, { cause })
    }
  })
}

function readSignals(path: string): { signals: SignalLog; changedAt: number } {
  try {
    return { signals: SignalLog.fromBytes(readFileSync(path), path), changedAt: statSync(path).mtimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { signals: new SignalLog(), changedAt: 0 }
    throw error
  }
}

const objectOf = (value: unknown): Line => (typeof value === 'object' && value !== null ? (value as Line) : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''))

/** NaN and infinities are strings in the log. */
function numbersOf(line: Line): Record<string, number> {
  const skip = new Set(['level', 'time', 'event', 'steps'])
  const fields = Object.entries(line).filter(([key]) => !skip.has(key))
  return Object.fromEntries(fields.map(([key, value]) => [key, Number(value)]))
}

function testOf(line: Line | undefined): RunRecord['test'] {
  if (!line) return undefined
  const { confusion, ...values } = line
  return { values: numbersOf(values), ...(isConfusion(confusion) ? { confusion } : {}) }
}

function isConfusion(value: unknown): value is ConfusionMatrix {
  const { classes, counts, undecided } = objectOf(value)
  const isRow = (row: unknown) => Array.isArray(row) && row.length === numClasses && row.every(Number.isSafeInteger)
  const numClasses = Array.isArray(classes) && classes.every((name) => typeof name === 'string') ? classes.length : -1
  return isRow(undecided) && Array.isArray(counts) && counts.length === numClasses && counts.every(isRow)
}

const SEVERITIES = ['ok', 'info', 'warn', 'fault', 'fatal'] as const

function eventOf(line: Line): RunEvent {
  return {
    step: Number(line.step) || 0,
    code: textOf(line.code),
    severity: SEVERITIES.find((one) => one === line.severity) ?? 'warn',
    text: textOf(line.text),
    layer: typeof line.layer === 'string' ? line.layer : undefined,
  }
}

/** Each as it was told last: what became of one may be told later. */
function actionsOf(lines: readonly Line[]): RunAction[] {
  const found: RunAction[] = []
  for (const line of lines) {
    if (line.event !== 'action' && line.event !== 'outcome') continue
    const action = actionOf(line)
    const known = found.findLastIndex(({ step, what }) => step === action.step && what === action.what)
    if (line.event === 'outcome' && known >= 0) found[known] = action
    else found.push(action)
  }
  return found
}

function actionOf(line: Line): RunAction {
  const isForgotten = line.outcome === 'tried' || line.outcome === 'reverted'
  return { step: Number(line.step) || 0, what: textOf(line.remedy ?? line.kind), text: textOf(line.text), isForgotten }
}
