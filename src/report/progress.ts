import { styleText } from 'node:util'
import type { Progress } from '../train/callbacks.ts'
import { eventWords } from '../train/events.ts'
import type { HealthEvent } from '../train/events.ts'
import { formatDuration, formatMetric, formatNumber, formatRate } from './format.ts'

/** Where a run stands, as the trainer tells it about ten times a second. */
export type ProgressView = Pick<
  Progress,
  | 'epoch'
  | 'epochs'
  | 'step'
  | 'totalSteps'
  | 'loss'
  | 'logs'
  | 'samplesPerSecond'
  | 'gradNorm'
  | 'health'
  | 'skipped'
  | 'lastEvent'
  | 'secondsLeft'
>

export interface ProgressReporter {
  update(progress: ProgressView): void
  /** `logs` as in the history: loss, acc, val_loss... */
  epochEnd(epoch: number, epochs: number, logs: Readonly<Record<string, number>>): void
  /** What was wrong with a step: a line that stays for the first of its kind; the live line tells of the others. */
  event(event: HealthEvent): void
  /** A line that stays, for an event worth reading. */
  note(text: string): void
  /** Leaves the terminal as it was found. */
  close(): void
}

/** What a reporter needs of a stream: `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const MIN_REDRAW_MILLIS = 100
const CLEAR_LINE = '\r\x1b[K'

/**
 * The live line as plain text: the last step's loss, the last finished epoch's metrics.
 * Where `width` columns are too few, the parts that matter least are left out, then the line is cut.
 */
export function progressLine(progress: ProgressView, width = 120): string {
  const { logs, totalSteps } = progress
  const metrics = Object.entries(logs).filter(([name]) => !name.endsWith('loss'))
  const show = ([name, value]: [string, number]) => `${name} ${formatMetric(name, value)}`
  const parts: [text: string, rank: number][] = [
    [`epoch ${progress.epoch + 1}/${progress.epochs}`, 0],
    [
      Number.isFinite(totalSteps) ? bar(totalSteps > 0 ? progress.step / totalSteps : 0, 12) : `step ${progress.step}`,
      6,
    ],
    [`loss ${formatNumber(progress.loss)}`, 1],
    ...metrics.map((metric, i): [string, number] => [show(metric), i === 0 ? 2 : 5]),
    [`${formatRate(progress.samplesPerSecond)} samples/s`, 4],
    [`|grad| ${formatNumber(progress.gradNorm)}`, 4],
    [healthText(progress), 1],
    // A stream whose end is not known.
    ...(Number.isFinite(totalSteps) ? [[`${formatDuration(progress.secondsLeft)} left`, 3] as [string, number]] : []),
  ]
  let line = ''
  for (let most = 6; most >= 0; most--) {
    const shown = parts.filter(([, rank]) => rank <= most)
    line = shown.map(([text]) => text).join('  ')
    if (line.length <= width) return line
  }
  return `${line.slice(0, Math.max(0, width - 1))}…`
}

/** Steps for which an event stays in the live line: longer than a person looks away. */
const FRESH_STEPS = 200

/** `healthy`, or what was seen last and done about it, in words. */
function healthText({ health, lastEvent, skipped, step }: ProgressView): string {
  const count = skipped > 0 ? ` (${skipped} skipped)` : ''
  if (lastEvent && step - lastEvent.step <= FRESH_STEPS) return eventWords(lastEvent) + count
  return health.toLowerCase().replaceAll('_', ' ') + count
}

/** One line for a finished epoch: no control characters, so it suits a file or a pipe. */
export function epochLine(epoch: number, epochs: number, logs: Readonly<Record<string, number>>): string {
  const values = Object.entries(logs).map(([name, value]) => `${name} ${formatMetric(name, value)}`)
  return [`epoch ${epoch + 1}/${epochs}`, ...values].join('  ')
}

/**
 * On a terminal one line that is redrawn in place, at most ten times a second; elsewhere one plain line per epoch.
 * Colour follows NO_COLOR and the stream (node:util styleText); `quiet` writes notes only.
 */
export function createProgress(stream: ProgressStream, options: { quiet?: boolean } = {}): ProgressReporter {
  const quiet = options.quiet ?? false
  const live = !quiet && stream.isTTY === true && process.env.TERM !== 'dumb'
  let drawn = false
  let lastDraw = -Infinity
  const told = new Set<string>()
  const clear = () => {
    if (drawn) stream.write(CLEAR_LINE)
    drawn = false
  }
  const note = (text: string) => {
    clear()
    stream.write(`${text}\n`)
  }
  return {
    update(progress) {
      const now = performance.now()
      if (!live || now - lastDraw < MIN_REDRAW_MILLIS) return
      lastDraw = now
      drawn = true
      const line = progressLine(progress, (stream.columns || 120) - 1)
      stream.write(CLEAR_LINE + (isCalm(progress) ? line : paint('yellow', line, stream)))
    },
    epochEnd(epoch, epochs, logs) {
      if (!quiet && !live) stream.write(`${epochLine(epoch, epochs, logs)}\n`)
    },
    event({ code, decision, severity, text }) {
      const kind = `${code} ${decision}`
      if (quiet || told.has(kind)) return
      told.add(kind)
      note(paint(COLOURS[severity], text, stream))
    },
    note,
    close: clear,
  }
}

const COLOURS = { ok: 'green', info: 'dim', warn: 'yellow', fault: 'red', fatal: 'red' } as const

const isCalm = ({ health, lastEvent, step }: ProgressView): boolean => {
  const isFresh = lastEvent !== undefined && step - lastEvent.step <= FRESH_STEPS
  return health === 'healthy' && !(isFresh && lastEvent.severity !== 'ok' && lastEvent.severity !== 'info')
}

/** Colour where the stream and NO_COLOR allow it, the bare text elsewhere. */
export function paint(
  format: 'yellow' | 'red' | 'green' | 'bold' | 'dim',
  text: string,
  stream: ProgressStream,
): string {
  const plain = stream.isTTY !== true || (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb'
  return plain ? text : styleText(format, text, { validateStream: false })
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${'='.repeat(full)}${' '.repeat(width - full)}]`
}
