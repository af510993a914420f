/**
 * Faults to order: what is to go wrong in a run, where and when, so that everything that must survive it can be tried.
 * Written `kind@key=value,key=value`, as in `worker-exit@step=37,piece=2`. Each fires once, at the first place that fits; what is wrong with a part stays so.
 *
 *   worker-exit    the worker's thread ends
 *   worker-throw   an error that nobody expected
 *   worker-stall   the worker falls silent
 *   nan            the gradient and its norm become NaN, before the decision: `step` is all it takes
 *   flip           a bit of a back-signal of the batch flips in memory, before gradients are made of it: as `nan`
 *   delay          the worker pauses for `millis` milliseconds (default 100)
 *   weight         a bit of the last layer's weights flips in memory, before the update of batch `step`
 *   silent-part    from batch `step` on (default: the first) part `part` (default 0) of every batch adds nothing to the gradient:
 *                  of what is summed in parts, the plan's lanes
 *   large-part     the same, with thirty times its gradient
 *   torn-write     of the first `last.ckpt` written after the step only half the bytes reach the disk: `step` is all it takes
 *
 *   step=N         in batch N, counted from 0, skipped ones included; what comes between two, as an evaluation or a copy of the
 *                  state, with the one after it (default: any)
 *   phase=NAME     rows, gradient, reduce, update, evaluate or snapshot (default: any)
 *   stage=N        in the Nth of several `rows` phases of a step, counted from 1 (default: any)
 *   piece=N        at piece N of the phase (default: any)
 *   part=N         of silent-part and large-part
 *   worker=N       in worker N (default: any)
 *   at=PLACE       start: before it has joined the run; claim: before a piece it has taken; piece: inside one, what it
 *                  writes half written (the default); decide: in the sequential part, the run's state half written;
 *                  wait: between two pieces
 */
import { UserError, describe, suggest } from '../errors.ts'
import { Phase } from './plan.ts'

const WORKERS = ['worker-exit', 'worker-throw', 'worker-stall', 'delay'] as const
const NUMBERS = ['nan', 'flip', 'weight', 'silent-part', 'large-part'] as const
const KINDS = [...WORKERS, ...NUMBERS, 'torn-write'] as const
const PLACES = ['start', 'claim', 'piece', 'decide', 'wait'] as const
const KEYS = ['step', 'phase', 'stage', 'piece', 'part', 'worker', 'at', 'millis'] as const

export interface Fault {
  /** As it was ordered. */
  readonly text: string
  readonly kind: (typeof KINDS)[number]
  /** `write`: in no worker. */
  readonly at: (typeof PLACES)[number] | 'write'
  /** -1: any. */
  readonly step: number
  readonly phase: Phase | -1
  readonly stage: number
  readonly piece: number
  readonly part: number
  readonly worker: number
  readonly millis: number
}

/** Whether it is a wrong number, and nothing that happens to a worker. */
export const isOfNumbers = ({ kind }: Fault): boolean => (NUMBERS as readonly string[]).includes(kind)

/** Most faults of one run: each has a bit of one word that says whether it fired. */
const MAX_FAULTS = 32

/** @throws UserError naming the part that cannot be read */
export function parseFaults(texts: readonly string[]): Fault[] {
  if (texts.length > MAX_FAULTS) throw new UserError(`Expected at most ${MAX_FAULTS} faults, got ${texts.length}.`)
  return texts.map(parseFault)
}

/** What a run has, as far as it is known before its first step. */
export interface Scene {
  readonly workers: number
  /** Infinity: not known. */
  readonly batches: number
  readonly evaluates: boolean
  readonly savesCheckpoints: boolean
}

/** @throws UserError for the first fault whose place cannot come: nothing would be tried by it */
export function checkPlaces(faults: readonly Fault[], scene: Scene): void {
  for (const fault of faults) {
    const { text, kind, worker, step, phase } = fault
    const refuse = (expected: string, got: string) => {
      throw new UserError(`Fault \`${text}\` would never come: expected ${expected}, got ${got}.`)
    }
    if (worker >= scene.workers) refuse(`\`worker\` < ${scene.workers}, the run's number of workers`, `\`${worker}\``)
    const between = phase === Phase.evaluate || phase === Phase.snapshot
    if (step >= scene.batches + Number(between)) {
      const most = between ? `<= ${scene.batches}` : `< ${scene.batches}`
      refuse(`\`step\` ${most}, the run's number of batches`, `\`${step}\``)
    }
    if (phase === Phase.evaluate && !scene.evaluates) refuse('validation data for `phase=evaluate`', 'none')
    if (kind === 'torn-write' && !scene.savesCheckpoints) refuse('a run that saves checkpoints', 'one that saves none')
  }
}

function parseFault(text: string): Fault {
  const [kind = '', rest = ''] = text.split('@', 2)
  const fault = {
    text,
    kind: oneOf(text, 'a fault', kind, KINDS),
    at: 'piece',
    step: -1,
    phase: -1,
    stage: -1,
    piece: -1,
    part: 0,
    worker: -1,
    millis: 100,
  }
  if (kind === 'nan') Object.assign(fault, { at: 'decide', phase: Phase.reduce })
  if (kind === 'silent-part' || kind === 'large-part') Object.assign(fault, { at: 'decide', phase: Phase.gradient })
  if (kind === 'flip' || kind === 'weight') Object.assign(fault, { at: 'decide', phase: Phase.rows })
  if (kind === 'torn-write') fault.at = 'write'
  for (const pair of rest.split(',').filter((pair) => pair !== '')) {
    const [key = '', value = ''] = pair.split('=', 2)
    const name = oneOf(text, 'a key', key, KEYS)
    if (name === 'at') fault.at = oneOf(text, '`at`', value, PLACES)
    else if (name === 'phase')
      fault.phase = Phase[oneOf(text, '`phase`', value, Object.keys(Phase) as (keyof typeof Phase)[])]
    else fault[name] = integer(text, name, value)
  }
  return fault as Fault
}

function oneOf<T extends string>(text: string, what: string, word: string, words: readonly T[]): T {
  if (words.includes(word as T)) return word as T
  const near = suggest(word, words)
  const hint = near ? `; did you mean \`${near}\`?` : '.'
  throw new UserError(`Fault \`${text}\`: expected ${what} of ${words.join(', ')}, got ${describe(word)}${hint}`)
}

function integer(text: string, key: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  throw new UserError(`Fault \`${text}\`: expected \`${key}\` to be an integer >= 0, got ${describe(value)}.`)
}
