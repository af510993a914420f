/** What a run is told beside its plan: plain data, sent to every worker. */
import type { DecideOptions } from '../gradient/decide.ts'
import type { PlateauOptions } from '../optim/plateau.ts'
import type { Schedule } from '../optim/schedules.ts'

export interface RunSettings {
  /** uint32: data order and dropout. */
  readonly seed: number
  readonly shuffle: boolean
  /** What is done to training rows as they are gathered; null: nothing. */
  readonly augment: Augment | null
  /** The run ends after so many epochs, or so many steps, in total. */
  readonly epochs: number
  readonly maxSteps: number
  /** For schedules that count epochs; Infinity where a stream's end is not known. */
  readonly stepsPerEpoch: number
  readonly learningRate: number
  readonly schedule: Schedule
  readonly plateau: (PlateauOptions & Monitor) | null
  readonly earlyStopping: EarlyStopping | null
  readonly decide: DecideOptions
  /** How ranks add their gradients: in the plan's tree, or in whatever order MPI finds fastest. */
  readonly reduce: 'tree' | 'mpi-sum'
  /** Whether the detector judges beside deciding; changes no bit of the training. */
  readonly watch: boolean
  /** Whether the host is asked after a fault, and every 32 batches: see train/repair.ts. */
  readonly repair: boolean
  /** Loss of the best constant prediction; NaN where it is not known. */
  readonly nullLoss: number
  /** Whether the run finds out by itself how many workers are fastest. */
  readonly tune: boolean
  /** Whether the run waits for the host after each epoch (callbacks, checkpoints). */
  readonly gateEpochs: boolean
}

/** See src/config/augment.ts. */
export interface AugmentConfig {
  /** Share of the rows that are mirrored. */
  horizontalFlip: number
  randomCrop?: number | undefined
  /** Alpha of the Beta distribution. */
  mixup?: number | undefined
  gaussianNoise?: number | undefined
}

export interface Augment extends Readonly<AugmentConfig> {
  /** null: rows are no images, and are neither flipped nor cropped. */
  readonly image: { readonly height: number; readonly width: number; readonly channels: number } | null
}

export interface Monitor {
  /** Index among the epoch's values: loss, metrics, val_loss, val_metrics. */
  readonly monitor: number
}

export interface EarlyStopping extends Monitor {
  readonly mode: 'min' | 'max'
  /** The run ends after so many epochs in a row without a gain larger than `minDelta`, as in Keras. */
  readonly patience: number
  readonly minDelta: number
  readonly restoreBestWeights: boolean
}
