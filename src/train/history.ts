/** What a fit leaves behind, named as tf.js and Keras name it. */

import type { HealthEvent } from './events.ts'
import type { Casualty } from './recovery.ts'
import { SignalLog } from './signals.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Action } from '../remedy/action.ts'
import type { Trial } from './tuner.ts'

/** `failed`: the fit threw, and the history is what there was of it until then (`trainer.history`). */
export type StopReason = 'completed' | 'maxSteps' | 'aborted' | 'stopTraining' | 'earlyStopping' | 'failed'

export type Logs = Record<string, number>

export interface History {
  /** Numbers of the finished epochs, from 0. */
  readonly epoch: number[]
  /** One value per finished epoch: loss, acc, .., val_loss, val_acc, .. */
  readonly history: Record<string, number[]>
  /** One value per step, skipped ones included (their verdict tells). */
  readonly steps: StepHistory
  /** The whole run in bounded memory, from the first step on although it was interrupted: what reports are made of. */
  readonly signals: SignalLog
  /** What went wrong, and what was done about it: at most the first 10,000. */
  readonly events: HealthEvent[]
  /** Verdicts in the order in which they were raised; those of the check before the first step have step -1. */
  readonly health: HealthVerdict[]
  /** What was done for the run's health (`health: 'repair'`), what did not help included. */
  readonly actions: Action[]
  /** Workers that were lost; no bit of the result depends on them. */
  readonly casualties: Casualty[]
  /** Faults to order (`inject`) whose place never came: nothing was tried by them. */
  unfired: readonly string[]
  /** Steps of the run, those included that a repair took back or began anew; those before an interruption too. */
  stepsExecuted: number
  stopped: StopReason
  seconds: number
  samplesPerSecond: number
  /** Batches that were skipped for their health. */
  skipped: number
  /** How many workers took part at the end, and what `workers: 'auto'` saw. */
  workers: number
  trials: readonly Trial[]
}

/** Epochs of a run before it was interrupted. */
export interface PastEpochs {
  readonly epoch: readonly number[]
  readonly history: Readonly<Record<string, readonly number[]>>
  /** Absent in files of before there were repairs. */
  readonly actions?: readonly Action[] | undefined
  readonly stepsExecuted?: number | undefined
}

/** A copy that later epochs do not change. */
export const pastEpochs = ({ epoch, history, actions, stepsExecuted }: PastEpochs): PastEpochs =>
  structuredClone({ epoch, history, actions, stepsExecuted })

/** @param steps that are expected: their room is taken at once */
export function newHistory(before?: PastEpochs, steps = 0, signals = new SignalLog()): History {
  return {
    epoch: [...(before?.epoch ?? [])],
    history: Object.fromEntries(Object.entries(before?.history ?? {}).map(([key, values]) => [key, [...values]])),
    steps: new StepHistory(steps),
    signals,
    events: [],
    health: [],
    actions: structuredClone([...(before?.actions ?? [])]),
    stepsExecuted: before?.stepsExecuted ?? 0,
    casualties: [],
    unfired: [],
    stopped: 'completed',
    seconds: 0,
    samplesPerSecond: 0,
    skipped: 0,
    workers: 0,
    trials: [],
  }
}

const COLUMNS = ['loss', 'gradNorm', 'gradNormAfterClip', 'learningRate', 'micros'] as const

/** What is kept of a step, in order: float64 in, float32 and a code kept. */
export const STEP_NUMBERS = [...COLUMNS, 'verdict'] as const

/** Steps that room is taken for in advance, at the most. */
const MAX_ROOM = 2 ** 20

/** Columns of numbers that grow by doubling: 21 bytes a step. */
export class StepHistory {
  length = 0
  #columns: Float32Array<ArrayBuffer>[]
  #verdicts: Uint8Array<ArrayBuffer>

  /** @param expected steps, whose memory is taken (and touched) at once; more make it grow */
  constructor(expected = 0) {
    const room = Math.min(Math.max(expected, 1024), MAX_ROOM)
    this.#columns = COLUMNS.map(() => new Float32Array(room).fill(NaN))
    this.#verdicts = new Uint8Array(room).fill(0xff)
  }

  /** @param numbers the first of them are those that `STEP_NUMBERS` names */
  push(numbers: ArrayLike<number>): void {
    if (this.length === this.#verdicts.length) this.#grow()
    const step = this.length++
    for (let i = 0; i < COLUMNS.length; i++) this.#columns[i]![step] = numbers[i]!
    this.#verdicts[step] = numbers[COLUMNS.length]!
  }

  /** Mean loss of each batch. */
  get loss(): Float32Array {
    return this.#columns[0]!.subarray(0, this.length)
  }
  /** Global norm of the mean gradient before clipping. */
  get gradNorm(): Float32Array {
    return this.#columns[1]!.subarray(0, this.length)
  }
  /** The same after clipping; 0 on skipped steps. */
  get gradNormAfterClip(): Float32Array {
    return this.#columns[2]!.subarray(0, this.length)
  }
  get learningRate(): Float32Array {
    return this.#columns[3]!.subarray(0, this.length)
  }
  /** Time from the end of the step before to the end of this one, in microseconds; NaN for the first. */
  get micros(): Float32Array {
    return this.#columns[4]!.subarray(0, this.length)
  }
  /** Code of the detector's verdict: 0 is healthy. */
  get verdict(): Uint8Array {
    return this.#verdicts.subarray(0, this.length)
  }

  #grow(): void {
    const longer = <T extends Float32Array | Uint8Array>(old: T, into: T): T => {
      into.set(old)
      return into
    }
    const length = 2 * this.#verdicts.length
    this.#columns = this.#columns.map((column) => longer(column, new Float32Array(length)))
    this.#verdicts = longer(this.#verdicts, new Uint8Array(length))
  }
}
