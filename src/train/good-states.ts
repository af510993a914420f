/**
 * The states that a run was well in, to go back to: of those that no verdict was raised near, the last one and the one
 * that explained most.
 */
import type { Patient } from '../remedy/patient.ts'
import type { History } from './history.ts'

/** A state that the run was well in. */
export interface GoodState {
  readonly patient: Patient
  /** Means over the last steps. */
  readonly explained: number
  readonly rate: number
  readonly gradNorm: number
}

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Steps that a mean is taken over, and without a verdict before a state counts as well. */
export const RECENT = 16
export const CALM = 32
/** Explained share from which there is something to keep. */
const LEARNT = 0.1
/** Explained share by which a state is better than another: what chance does not make. */
export const CLEAR = 0.05

/** What a run has seen of itself. */
interface Seen {
  readonly history: History
  readonly nullLoss: number
}

export class GoodStates {
  #best: GoodState | undefined
  #last: GoodState | undefined

  /** The last one, unless an earlier one explained clearly more; none where nothing was explained. */
  get best(): GoodState | undefined {
    const [best, last] = [this.#best, this.#last]
    const found = best && last && last.explained < best.explained - CLEAR ? best : last
    return found && found.explained > LEARNT ? found : undefined
  }

  keep(patient: Patient, seen: Seen): void {
    const { steps } = seen.history
    const rate = steps.learningRate.at(-1)!
    const gradNorm = median(steps.gradNorm.slice(-CALM))
    this.#last = { patient, explained: explained(seen), rate, gradNorm }
    if (!this.#best || this.#last.explained > this.#best.explained) this.#best = this.#last
  }

  forget(): void {
    this.#best = this.#last = undefined
  }
}

export function isWell(batch: number, seen: Seen): boolean {
  const { health, steps } = seen.history
  const last = health.findLast(({ severity }) => severity !== 'ok' && severity !== 'info')
  return steps.length >= RECENT && (!last || last.step < batch - CALM) && Number.isFinite(explained(seen))
}

/** Mean explained share of the last steps, of so many at the most, held to [-1, 1]; NaN where nothing is known. */
export function explained({ nullLoss, history }: Seen, most = RECENT): number {
  const losses = history.steps.loss.slice(-Math.min(RECENT, most))
  const mean = losses.reduce((sum, loss) => sum + (Number.isFinite(loss) ? loss : Infinity), 0) / losses.length
  return Math.max(-1, 1 - mean / nullLoss)
}

export function median(values: Float32Array): number {
  const sorted = values.filter(Number.isFinite).sort()
  return sorted[sorted.length >> 1] ?? NaN
}
