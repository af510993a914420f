/** Which verdict calls for which remedies, the mildest first. */
import type { HealthCode } from '../gradient/verdict.ts'
import type { Remedy } from './remedy.ts'
import { swapActivation } from './remedies/activation.ts'
import { initialise } from './remedies/initialise.ts'
import { rescale } from './remedies/rescale.ts'
import { scaleInputs, scaleTargets } from './remedies/scale.ts'
import { addShortcuts, silenceBranches } from './remedies/shortcuts.ts'

/** Before the first step: the cause lies in data, weights and activations, and nothing is lost yet. */
export const before: Readonly<Partial<Record<HealthCode, readonly Remedy[]>>> = {
  NONFINITE_LOSS: [scaleInputs, silenceBranches, rescale, swapActivation, initialise],
  NONFINITE_GRAD: [scaleInputs, silenceBranches, rescale, swapActivation, initialise],
  SIGNAL_OVERSCALE: [scaleInputs, silenceBranches, scaleTargets, rescale, swapActivation, initialise],
  GRAD_VANISHING: [scaleInputs, swapActivation, initialise, addShortcuts],
  SATURATED: [scaleInputs, rescale, initialise, swapActivation],
  SIGNAL_COLLAPSE: [rescale, initialise, addShortcuts, swapActivation],
  ZERO_GRADIENT: [initialise, addShortcuts, swapActivation],
  DEAD_LAYER: [initialise, addShortcuts, swapActivation],
  SHATTERED: [addShortcuts, swapActivation],
  SYMMETRIC_INIT: [initialise],
  INPUT_SCALE: [scaleInputs],
  TARGET_SCALE: [scaleTargets],
}
