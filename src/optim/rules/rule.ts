import type { OptimizerKernels, Pointer } from '../../kernels/kernels.ts'

/**
 * What one optimizer is: its settings and how it calls its kernel. A rule holds no state of its own.
 * Adding an optimizer is one such file and one line in ../optimizers.ts.
 */
export interface OptimizerRule<Config> {
  /** Every field, at its default: the schema of the settings is read off this. */
  readonly defaults: Config
  /** The state kept for each parameter: slot name -> the value it starts from. At most two slots, in this order. */
  slots(config: Config): Readonly<Record<string, number>>
  /** Updates `count` parameters in place; returns the largest |p| after it (NaN if any is NaN). See `applyUpdate`. */
  update(
    kernels: OptimizerKernels,
    config: Config,
    count: number,
    p: Pointer,
    g: Pointer,
    slot0: Pointer,
    slot1: Pointer,
    scale: number,
    clip: number,
    learningRate: number,
    step: number,
  ): number
}
