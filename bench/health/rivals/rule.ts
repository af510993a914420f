import type { Class } from '../case.ts'
import type { StepSignals } from '../signals.ts'

/** What a rule says of a step: what it takes for wrong, and whether it changes the step (skips it, or scales it down). */
export interface Answer {
  readonly alarm?: Class | undefined
  readonly acts?: boolean
}

export interface Rival {
  readonly name: string
  /** Where the thresholds come from. */
  readonly source: string
  /** A fresh set of rules for one run of so many epochs. */
  start(epochs: number): (signals: StepSignals) => Answer
}

export const isRelu = (activation: string): boolean => activation === 'relu' || activation === 'residual'
export const everyGradientFinite = ({ gradients, loss }: StepSignals): boolean =>
  Number.isFinite(loss) && gradients.every(({ finite }) => finite)
