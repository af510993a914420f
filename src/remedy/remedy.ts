/** What a remedy is. One file for each kind in remedies/; which verdict calls for which is in ladder.ts. */
import type { HealthCode } from '../gradient/verdict.ts'
import type { Calibration } from './look.ts'
import type { Patient } from './patient.ts'

/** Why a remedy is asked for. */
export interface Complaint {
  readonly code: HealthCode
  readonly layer: string | undefined
}

/** What is known of the run; every number is of the training's arithmetic, none of a clock. */
export interface Case {
  readonly complaint: Complaint
  /** As the run stands, as it was when it was last well, and as it began. */
  readonly now: Patient
  readonly healthy: Patient | null
  readonly start: Patient
  /** How often this remedy was used in this run already. */
  readonly tries: number
  /** Root mean squares of features and numeric targets, and moments by column; non-finite numbers are left out. */
  readonly data: DataScale
  /** Some rows of the data, and the kernels to take them through the network with. */
  readonly calibration: Calibration
  /** Batches since the training began, or began anew. */
  readonly age: number
  /** Steps that were asked for, and steps of the schedule's warm-up. */
  readonly steps: number
  readonly warmup: number
  /** Learning rate of the schedule at the last step, over its base. */
  readonly scheduled: number
  /** log10 of the relative update of the first step from `start`, with the rate of now; NaN where not known. */
  readonly firstUpdate: number
  /** Gradient norm before and after clipping: medians over the last steps that were well. */
  readonly gradNorm: number
  readonly gradNormAfterClip: number
  /** Learning rate of the last step that was well; NaN where there was none. */
  readonly healthyRate: number
}

export interface DataScale {
  readonly feature: number
  readonly target: number
  /** Whether some feature is not finite. */
  readonly damaged: boolean
  /** Rows that are broken; 0 where they are so many that they are the rule. */
  readonly broken: number
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
  readonly targetMean: readonly number[]
  readonly targetDeviation: number
}

export interface Treatment {
  readonly patient: Patient
  /** What changed, one short line each: `dense_2: activation sigmoid -> relu`. */
  readonly changes: readonly string[]
  /**
   * What becomes of the run: `continue` where the network's function is as it was, now or when it was last well;
   * `restart` where the cause lay in the beginning, and training begins again at its first step.
   */
  readonly then: 'continue' | 'restart'
}

export interface Remedy {
  readonly name: string
  /** Uses per run at the most: what bounds every repair. */
  readonly limit: number
  /** It acts only where it has found the cause: nothing is tried beside it. */
  readonly isSure?: boolean
  /** `null` where it has nothing to do: the next remedy is asked. */
  treat(given: Case): Promise<Treatment | null> | Treatment | null
}
