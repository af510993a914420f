/**
 * A tournament of remedies. Where several may help and none is certain, each runs for a few steps from the same state and
 * over the same batches, one after the other on the whole crew; the one that explains most afterwards goes on from where
 * its trial ended, and what the others did is forgotten. Their steps count like any others.
 */
import type { Plan } from '../plan/plan.ts'
import type { Patient } from '../remedy/patient.ts'
import { CLEAR } from './good-states.ts'
import { pastEpochs } from './history.ts'
import type { History, PastEpochs } from './history.ts'
import type { Chosen } from './remedies.ts'
import type { Session } from './session.ts'
import type { Subject } from './subject.ts'

// Chosen on the tune split and its practice cases: node bench/health/practice.ts.
/** Steps of a trial. */
export const TRIAL_STEPS = 48
/** Remedies that are tried beside each other, at the most. */
export const MOST_ENTRANTS = 3
/** Explained share, and standard errors of the losses' mean difference, by which one that began anew is ahead. */
const AHEAD = 0.01
const SURE = 3

/** Where in its data, epochs and schedule a run is: what a later one goes on from. */
export interface Position {
  readonly plan: Plan
  readonly state: Float64Array
  readonly epochs: PastEpochs
}

export const positionOf = ({ plan, state }: Session, history: History): Position => ({
  plan,
  state: state.slice(),
  epochs: pastEpochs(history),
})

/** How an entrant's trial ended. */
export interface Result {
  /** None: the run as it was, which is an entrant too where the others begin anew. */
  readonly chosen: Chosen | null
  readonly subject: Subject
  /** As the run began, or begins anew, under the entrant's settings. */
  readonly start: Patient
  readonly position: Position
  readonly explained: number
  /** Of the last steps. */
  readonly losses: Float32Array
  /** No fault was raised in it. */
  readonly isSound: boolean
}

/** What all entrants begin with. */
export interface Base {
  readonly subject: Subject
  readonly start: Patient
  readonly position: Position
  readonly explained: number
  /** Of the last steps. */
  readonly losses: Float32Array
  /** Batches before the first trial. */
  readonly batch: number
}

export class Tournament {
  readonly base: Base
  /** Of a trial. */
  readonly steps: number
  readonly #entrants: readonly (Chosen | null)[]
  /** Of the trials that are over. */
  readonly results: Result[]

  /** @param age steps that the run has had, where it shall go on as it is unless one that begins anew gets further by then */
  constructor(base: Base, entrants: readonly Chosen[], age?: number) {
    this.base = base
    this.steps = age ?? TRIAL_STEPS
    this.#entrants = age === undefined ? entrants : [null, ...entrants]
    this.results = age === undefined ? [] : [{ ...base, chosen: null, isSound: true }]
  }

  /** Whose trial it is; none when all had theirs. */
  get current(): Chosen | null {
    return this.#entrants[this.results.length] ?? null
  }

  end(result: Omit<Result, 'chosen'>): void {
    this.results.push({ ...result, chosen: this.current })
  }

  /** Of those that ended: the one that explained most without a fault; the milder one, unless another is clearly better. */
  get winner(): Result {
    const isFurther = this.results[0]!.chosen ? isBetter : isAhead
    return this.results.reduce((best, next) => (isFurther(next, best) ? next : best))
  }
}

function isBetter(a: Result, b: Result): boolean {
  if (a.isSound !== b.isSound) return a.isSound
  return a.explained > b.explained + CLEAR
}

/** Over the same batches since the same beginning: the noise that they share does not count. */
function isAhead(a: Result, b: Result): boolean {
  if (a.isSound !== b.isSound) return a.isSound
  const n = Math.min(a.losses.length, b.losses.length)
  const gains = Array.from({ length: n }, (_, i) => b.losses[i]! - a.losses[i]!)
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / n
  const squares = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0)
  return a.explained > b.explained + AHEAD && mean > SURE * Math.sqrt(squares / (n - 1) / n)
}
