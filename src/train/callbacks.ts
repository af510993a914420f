/** What a caller of `fit` may give and be told; names as in tf.js and Keras. */
import type { Dataset } from '../data/dataset.ts'
import type { RowStream } from '../data/stream.ts'
import type { HealthEvent } from './events.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Action } from '../remedy/action.ts'
import type { Logs } from './history.ts'
import type { Casualty } from './recovery.ts'
import type { SignalLog } from './signals.ts'

/**
 * All may be async. One that throws ends the fit with its error, after the steps before it are kept as after an abort; no
 * other is called then. One that does not come back holds the fit; after an abort, or `close`, no longer than
 * `recovery.stallSeconds`.
 */
export interface Callbacks {
  onTrainBegin?(logs: Logs): void | Promise<void>
  onTrainEnd?(logs: Logs): void | Promise<void>
  onEpochBegin?(epoch: number, logs: Logs): void | Promise<void>
  /** The run waits for this one: setting `trainer.stopTraining` in it ends the fit after exactly this epoch. */
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>
  /** Told of every step, in order, while later steps already run. `batch` counts from 0 in each epoch. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>
  /** Told of every step that was not healthy, and what was done about it. */
  onHealthEvent?(event: HealthEvent): void | Promise<void>
  /** Told of every worker that was lost. The run goes on with a replacement, without a bit of difference. */
  onCasualty?(casualty: Casualty): void | Promise<void>
  /** Told of every verdict of the detector, before its step's `onBatchEnd`. */
  onVerdict?(verdict: HealthVerdict): void | Promise<void>
  /** Told of every remedy, once it is known what became of it, or when training goes on with it. */
  onAction?(action: Action): void | Promise<void>
  /** Told what became of a remedy that was `pending` then: `kept` or `reverted`, in its text too. */
  onOutcome?(action: Action): void | Promise<void>
}

export interface CheckpointOptions {
  /** Folder of `last.ckpt`, those before it (`last.1.ckpt`, ..), `best.ckpt`, and `good.ckpt`: the last that proved good. */
  readonly directory: string
  /** How many of the last ones are kept. Default 3. */
  readonly keep?: number | undefined
  /** Epochs between checkpoints. Default 1. */
  readonly every?: number | undefined
  /** Decides which one is the best. Default `val_loss`, without validation data `loss`. */
  readonly monitor?: string | undefined
  readonly mode?: 'auto' | 'min' | 'max' | undefined
}

export interface StreamOptions {
  /** Of a stream: rows that lie in memory at a time (twice). Default: 65,536, fewer where rows are long (64 MiB). */
  readonly bufferRows?: number | undefined
}

export interface FitOptions {
  /**
   * In memory, or a stream, as the training data may be. A stream of more rows than `bufferRows` is read anew after each
   * epoch; the metrics have the bits that they have of the same rows in memory. Weights of its rows count as 1.
   */
  readonly validationData?: Dataset | RowStream | undefined
  /**
   * Of a stream: rows that lie in memory at a time (twice: one window is read while the one before is worked on), in whole
   * batches; each window of training data is shuffled. Default: 65,536, fewer where rows are long (64 MiB).
   */
  readonly bufferRows?: number | undefined
  /** Of a stream: batches of an epoch, where it has no end, or a schedule counts epochs. Default: until it ends. */
  readonly stepsPerEpoch?: number | undefined
  /** Default: the config's. */
  readonly epochs?: number | undefined
  readonly callbacks?: Callbacks | readonly Callbacks[] | undefined
  /** Ends the fit at the next step boundary; a checkpoint is written first, where they are kept. */
  readonly signal?: AbortSignal | undefined
  readonly checkpoint?: CheckpointOptions | undefined
  /** File for a Chrome trace of the run's last phases and pieces, per worker, waits visible. */
  readonly trace?: string | undefined
  /** Faults to order, to see what becomes of them: `worker-exit@step=37,piece=2`; see plan/faults.ts. */
  readonly inject?: readonly string[] | undefined
  /** Signals of the run that was interrupted, which goes on in them. */
  readonly signals?: SignalLog | undefined
  /** About ten times a second. Not waited for; one that fails ends the fit as a callback does. */
  readonly onProgress?: ((progress: Progress) => void | Promise<void>) | undefined
}

export interface Progress {
  /** From 0. */
  readonly epoch: number
  readonly epochs: number
  /** Steps of the run so far, skipped ones included, and in all. */
  readonly step: number
  /** Infinity, as the next one, where a stream's end is not known. */
  readonly stepsPerEpoch: number
  readonly totalSteps: number
  /** Of the last step. */
  readonly loss: number
  readonly gradNorm: number
  readonly gradNormAfterClip: number
  readonly learningRate: number
  /** The last verdict's code, `healthy` where nothing is wrong. */
  readonly health: string
  readonly skipped: number
  /** The last step that was not healthy, if any. */
  readonly lastEvent?: HealthEvent | undefined
  /** Values of the last finished epoch. */
  readonly logs: Logs
  readonly samplesPerSecond: number
  readonly secondsElapsed: number
  readonly secondsLeft: number
}
