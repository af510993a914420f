/** What was done for a run's health, as plain data: in the history, in the log, in checkpoints. */
import type { HealthCode } from '../gradient/verdict.ts'

export interface Action {
  /** Batches before it; -1: before the first step. */
  readonly step: number
  /** Code of the verdict that called for it. */
  readonly verdict: HealthCode
  readonly remedy: string
  readonly layer?: string | undefined
  /** What changed, one short line each. */
  readonly changes: readonly string[]
  /** One sentence for people, of what became of it too. */
  text: string
  /** Explained share over the 64 steps after it, less what it was before; null while (or where) it is not known. */
  gain: number | null
  /** `reverted`: it did not help, and everything is as it was before; `tried`: beside another, which did better. */
  outcome: 'pending' | 'kept' | 'reverted' | 'tried'
}

type Told = Pick<Action, 'step' | 'verdict' | 'remedy' | 'changes' | 'outcome'>

const ENDS: Partial<Record<Action['outcome'], string>> = {
  reverted: '; it did not help and was taken back',
  tried: '; another remedy, tried beside it, did better',
}

/** What became of it is known. */
export function settle(action: Action, outcome: Exclude<Action['outcome'], 'pending'>, gain = NaN): void {
  action.outcome = outcome
  action.gain = Number.isFinite(gain) ? gain : null
  action.text = actionText(action)
}

export function actionText({ step, verdict, remedy, changes, outcome }: Told): string {
  const when = step < 0 ? 'Before the first step' : `At step ${step}`
  const few = changes.length > 4 ? [...changes.slice(0, 3), `and ${changes.length - 3} more`] : changes
  const end = ENDS[outcome] ?? ''
  return `${when}, for ${verdict}: ${remedy} (${few.join('; ')})${end}.`
}
