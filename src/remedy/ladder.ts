/** Which verdict calls for which remedies, the mildest first. */
import type { HealthCode } from '../gradient/verdict.ts'
import type { Remedy } from './remedy.ts'
import { swapActivation, swapSigmoids, swapWhereNarrow } from './remedies/activation.ts'
import { initialise } from './remedies/initialise.ts'
import { insertNorm } from './remedies/normalise.ts'
import {
  cutRate,
  enlargeBatch,
  tripleRate,
  raiseBoldly,
  raiseRate,
  tameBoldly,
  tameRate,
  useAdam,
  useAdamBoldly,
} from './remedies/rate.ts'
import { rescale } from './remedies/rescale.ts'
import { letLeak, reviveUnits } from './remedies/revive.ts'
import { scaleInputs, scaleTargets } from './remedies/scale.ts'
import {
  clipAtNorm,
  easeDecay,
  holdRate,
  replaceBroken,
  rollBack,
  rollBackOnce,
  shortenWarmup,
  stopRise,
  sumWhole,
  sumWholeWhereIdle,
  widenClip,
} from './remedies/settings.ts'
import { addShortcuts, addShortcutsWhereDeep, silenceBranches } from './remedies/shortcuts.ts'

export type Ladder = Readonly<Partial<Record<HealthCode, readonly Remedy[]>>>

const overflow = [replaceBroken, scaleInputs, silenceBranches, rescale, swapActivation, initialise]
const dead = [addShortcutsWhereDeep, swapWhereNarrow, initialise, addShortcuts, swapActivation]

/** Before the first step: the cause lies in data, weights and activations, and nothing is lost yet. */
export const before: Ladder = {
  NONFINITE_LOSS: overflow,
  NONFINITE_GRAD: overflow,
  SIGNAL_OVERSCALE: [replaceBroken, scaleInputs, silenceBranches, scaleTargets, rescale, swapActivation, initialise],
  GRAD_VANISHING: [scaleInputs, addShortcutsWhereDeep, swapWhereNarrow, swapActivation, initialise, addShortcuts],
  SATURATED: [scaleInputs, rescale, initialise, swapActivation],
  SIGNAL_COLLAPSE: [
    addShortcutsWhereDeep,
    swapWhereNarrow,
    swapSigmoids,
    rescale,
    initialise,
    addShortcuts,
    swapActivation,
  ],
  ZERO_GRADIENT: dead,
  DEAD_LAYER: dead,
  SHATTERED: [addShortcutsWhereDeep, swapWhereNarrow, addShortcuts, swapActivation],
  SYMMETRIC_INIT: [initialise],
  INPUT_SCALE: [scaleInputs],
  TARGET_SCALE: [scaleTargets],
  LR_IMPLAUSIBLE: [shortenWarmup, easeDecay, tameRate, raiseRate],
}

/** What is out of scale is put right first, whatever came of it. */
const scale = [replaceBroken, scaleInputs, scaleTargets, shortenWarmup, stopRise, easeDecay, widenClip, enlargeBatch]
const runaway = [...scale, tameRate, tameBoldly, raiseRate, useAdam, cutRate]
const silent = [...scale, tameRate, addShortcutsWhereDeep, addShortcuts, swapActivation, initialise, cutRate]
const slow = [
  ...[sumWholeWhereIdle, shortenWarmup, holdRate, easeDecay, widenClip],
  ...[replaceBroken, scaleTargets, scaleInputs, raiseRate],
]
const lost = [...slow, enlargeBatch, tameRate, useAdam, addShortcutsWhereDeep, swapActivation, addShortcuts, initialise]

/** While nothing was learnt yet: begun anew, with what the beginning lacked. */
export const early: Ladder = {
  NONFINITE_LOSS: [...runaway, silenceBranches, rescale, swapActivation, initialise],
  NONFINITE_GRAD: [...runaway, silenceBranches, rescale, swapActivation, initialise],
  NONFINITE_PARAM: runaway,
  GRAD_SPIKE: runaway,
  GRAD_EXPLODING: runaway,
  LOSS_DIVERGING: runaway,
  LOSS_OSCILLATING: runaway,
  UPDATE_TOO_LARGE: runaway,
  SIGNAL_OVERSCALE: [...runaway, silenceBranches, rescale, initialise],
  GRAD_VANISHING: [...scale, addShortcutsWhereDeep, swapActivation, addShortcuts, initialise],
  SIGNAL_COLLAPSE: [...scale, tameRate, addShortcutsWhereDeep, rescale, addShortcuts, swapActivation, initialise],
  SATURATED: [...scale, tameRate, rescale, swapActivation, initialise],
  ZERO_GRADIENT: silent,
  DEAD_LAYER: silent,
  DEAD_UNITS: silent,
  SHATTERED: [addShortcuts, swapActivation],
  SYMMETRIC_INIT: [initialise],
  INPUT_SCALE: [replaceBroken, scaleInputs, ...lost],
  TARGET_SCALE: [replaceBroken, scaleTargets, ...lost],
  LR_IMPLAUSIBLE: [...scale, tameRate, tameBoldly, ...lost],
  UPDATE_TOO_SMALL: lost,
  STALLED: lost,
  SHARD_ANOMALY: [sumWhole],
  REPLICA_DIVERGENCE: [rollBack],
}

/** Where nothing is gained, and it may be a plateau: what is held back is let go, and nothing is tried on the off chance. */
export const still: Ladder = {
  STALLED: [shortenWarmup, holdRate, easeDecay, widenClip, raiseRate],
}

const wild = [stopRise, replaceBroken, easeDecay, enlargeBatch, clipAtNorm, cutRate]
const escaped = [stopRise, replaceBroken, easeDecay, clipAtNorm, cutRate]

/** Once something was learnt: what keeps it comes first. */
export const running: Ladder = {
  NONFINITE_LOSS: escaped,
  NONFINITE_GRAD: escaped,
  NONFINITE_PARAM: escaped,
  GRAD_SPIKE: escaped,
  GRAD_EXPLODING: [...wild, insertNorm],
  LOSS_DIVERGING: wild,
  LOSS_OSCILLATING: [stopRise, enlargeBatch, cutRate],
  UPDATE_TOO_LARGE: [stopRise, enlargeBatch, cutRate],
  SIGNAL_OVERSCALE: escaped,
  GRAD_VANISHING: [stopRise, rollBack, insertNorm, cutRate],
  SIGNAL_COLLAPSE: [stopRise, rollBack, easeDecay, cutRate],
  SATURATED: [stopRise, rollBack, insertNorm, cutRate],
  ZERO_GRADIENT: [stopRise, rollBackOnce, cutRate, reviveUnits],
  DEAD_LAYER: [stopRise, rollBackOnce, cutRate, reviveUnits, letLeak, insertNorm],
  DEAD_UNITS: [stopRise, reviveUnits, cutRate, letLeak, insertNorm],
  UPDATE_TOO_SMALL: slow,
  STALLED: slow,
  SHARD_ANOMALY: [sumWhole, rollBack],
  REPLICA_DIVERGENCE: [rollBack],
}

/** For a run that was begun anew, is well, and has not learnt much by a fifth of its steps. */
export const again: readonly Remedy[] = [tripleRate, raiseBoldly, useAdamBoldly]

const remedies = [...[before, early, still, running].flatMap((ladder) => Object.values(ladder).flat()), ...again]

/** Actions of a run at the most: every one is a use of a remedy, and each has a number of them. */
export const mostActions = [...new Map(remedies.map(({ name, limit }) => [name, limit])).values()].reduce(
  (a, b) => a + b,
)

export const uses = (name: string, actions: readonly { readonly remedy: string }[]): number =>
  actions.filter(({ remedy }) => remedy === name).length

/** Remedies for this verdict that were not used up by these actions. */
export const left = (
  ladder: Ladder,
  code: HealthCode,
  actions: readonly { readonly remedy: string }[],
): readonly Remedy[] => (ladder[code] ?? []).filter(({ name, limit }) => uses(name, actions) < limit)
