/**
 * What is done about a worker that is lost: a replacement and another try, after a pause that grows while there is no
 * progress; or the end, with the root cause, where another try would end as this one did. Pure.
 */
import type { WorkerLost } from '../crew/task.ts'
import { RankLost, TrainingError, WorkerHangs } from '../errors.ts'
import type { Whereabouts } from '../errors.ts'
import { placeText } from './place.ts'

export interface RecoveryOptions {
  /** How many workers a run may lose. */
  readonly restarts: number
  /** Seconds without any progress after which a worker counts as stuck, at the least. */
  readonly stallSeconds: number
}

export const DEFAULT_RECOVERY: RecoveryOptions = { restarts: 20, stallSeconds: 30 }

/** A worker that was lost, and what came of it; kept in the history. */
export interface Casualty extends Whereabouts {
  readonly how: 'died' | 'threw' | 'stalled'
  readonly message: string
}

/** What is remembered from one to the next. */
export interface Casualties {
  readonly count: number
  /** Without a step between. */
  readonly inARow: number
  readonly progress: number
  readonly last: Casualty | null
}

export const noCasualties: Casualties = { count: 0, inARow: 0, progress: -1, last: null }

/** Casualties in a row, without a step between, after which there is no hope. */
const MAX_IN_A_ROW = 4
const FIRST_PAUSE_MILLIS = 100

/** @param progress grows with every step that the run takes for the first time */
export function countCasualty(casualties: Casualties, casualty: Casualty, progress: number): Casualties {
  // Steps that are gone over once more, since the run was set back, are steps too.
  const noneBetween = progress <= casualties.progress && casualty.step === casualties.last?.step
  const inARow = noneBetween ? casualties.inARow + 1 : 1
  return { count: casualties.count + 1, inARow, progress, last: casualty }
}

/** Milliseconds to wait before the next try. @throws TrainingError when there is to be none */
export function pauseAfter(before: Casualties, now: Casualties, lost: WorkerLost, options: RecoveryOptions): number {
  const casualty = now.last!
  const why = hopeless(before, now, lost, options)
  if (why) throw stopped(casualty, why, lost.cause)
  return now.inARow === 1 ? 0 : FIRST_PAUSE_MILLIS * 2 ** (now.inARow - 2)
}

function hopeless(
  before: Casualties,
  now: Casualties,
  { how, cause }: WorkerLost,
  { restarts }: RecoveryOptions,
): string | undefined {
  const { last: casualty, count, inARow } = now
  const exited = how === 'died' && /exited with code/.test((cause as Error).message)
  if (casualty!.how === 'stalled' && casualty!.phase === 'start-up') {
    return before.last?.how === 'stalled' && before.last.phase === 'start-up' ? HUNG_TWICE : undefined
  }
  if (casualty!.phase === 'start-up' && !exited) return 'It cannot start.'
  if (casualty!.how === 'threw' && before.last?.how === 'threw' && inARow > 1 && samePlace(casualty!, before.last)) {
    return 'It failed there twice: another try would end likewise.'
  }
  if (inARow >= MAX_IN_A_ROW) return `${inARow} workers were lost without a step between.`
  if (count > restarts)
    return `${count} ${count === 1 ? 'worker was' : 'workers were'} lost, and \`restarts\` is ${restarts}.`
  return undefined
}

const HUNG_TWICE =
  'It cannot start, as one before: see what own modules wait for when they are imported, and whether the disk they lie on ' +
  'answers. Where it is only slow, raise `recovery.stallSeconds`, of which a start-up gets ten times as much.'

const samePlace = (a: Casualty, b: Casualty) => a.step === b.step && a.phase === b.phase && a.piece === b.piece

function stopped(casualty: Casualty, why: string, cause: unknown): TrainingError {
  return new TrainingError(stoppedText(casualty, why), { ...casualty, cause })
}

/** For a thread that does not end though it was told to. */
export function hangs(casualty: Casualty, cause: unknown): WorkerHangs {
  return new WorkerHangs(stoppedText(casualty, 'Its thread cannot be ended.'), { ...casualty, cause })
}

const stoppedText = (casualty: Casualty, why: string): string =>
  `Training stopped: ${casualtyText(casualty)} ${why} What was saved before is whole.`

/** For a rank: the others would have to be set back with it. */
export function rankStopped(casualty: Casualty, cause: unknown): RankLost {
  const then =
    'A job of several ranks ends with the first worker it loses. What was saved before is whole: start it anew with --resume auto.'
  return new RankLost(`Training stopped: ${casualtyText(casualty)} ${then}`, { ...casualty, cause })
}

/** `worker 1 died in step 37, update, piece 2 (dense_1/kernel): worker exited with code: 1.` */
export function casualtyText(casualty: Casualty): string {
  const { worker, how, message } = casualty
  const verb = { died: 'died in', threw: 'failed in', stalled: 'does not move: it has been in' }[how]
  return `worker ${worker} ${verb} ${placeText(casualty)}: ${message}${/[.!?]$/.test(message) ? '' : '.'}`
}
