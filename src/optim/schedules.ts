/**
 * Learning-rate schedules: pure functions of the step. A step is one update, counted from 0; a skipped batch is not a step.
 * Lengths are in steps unless the name says epochs. A schedule that has reached its end stays there.
 *
 * Sources: torch.optim.lr_scheduler for the shapes; Loshchilov and Hutter, "SGDR", 2017 (cosine with restarts);
 * Smith and Topin, "Super-convergence", 2018 (one-cycle).
 */
import { describe, UserError } from '../errors.ts'

/**
 * Before any schedule: over n steps the rate rises linearly, (step + 1) / n of the schedule's first value at step 0, 1, ..,
 * then the schedule starts at its own step 0 with the steps that are left. Give one of the two.
 */
export interface Warmup {
  readonly warmupSteps?: number
  readonly warmupEpochs?: number
}

export type Schedule = Warmup &
  (
    | { readonly type: 'constant' }
    /** base * gamma^floor(t / length). Give `stepSize` or `stepEpochs`. `gamma` defaults to 0.1. */
    | { readonly type: 'step'; readonly stepSize?: number; readonly stepEpochs?: number; readonly gamma?: number }
    /** base * gamma^(t / length), smooth. Give `decaySteps` or `decayEpochs`; default 1 epoch. */
    | {
        readonly type: 'exponential'
        readonly gamma: number
        readonly decaySteps?: number
        readonly decayEpochs?: number
      }
    /**
     * minimum + (base - minimum) (1 + cos(pi t / length)) / 2. The length is `steps` or `epochs`; default the whole run.
     * With `restarts` it starts again at base after each cycle, and each cycle is `cycleFactor` (default 1) times as long as the one before.
     */
    | {
        readonly type: 'cosine'
        readonly steps?: number
        readonly epochs?: number
        readonly minimum?: number
        readonly restarts?: boolean
        readonly cycleFactor?: number
      }
    /** Straight from base to base * endFactor (default 0) over `steps` or `epochs`; default the whole run. */
    | { readonly type: 'linear'; readonly endFactor?: number; readonly steps?: number; readonly epochs?: number }
    /**
     * Cosine from base / divFactor (25) up to base over pctStart (0.3) of the run, then cosine down to
     * base / divFactor / finalDivFactor (1e4) at its last step.
     */
    | {
        readonly type: 'oneCycle'
        readonly pctStart?: number
        readonly divFactor?: number
        readonly finalDivFactor?: number
      }
    /** minimum + (base - minimum) (1 - t / length)^power over `steps` or `epochs`; default power 1, minimum 0, the whole run. */
    | {
        readonly type: 'polynomial'
        readonly power?: number
        readonly minimum?: number
        readonly steps?: number
        readonly epochs?: number
      }
  )

export type ScheduleName = Schedule['type']

/**
 * The learning rate of update `step` (0 for the first). `base` is the configured rate (the peak, for oneCycle);
 * `totalSteps` is the whole run's, warm-up included. Throws `UserError` for lengths and rates that make no sense.
 */
export function learningRate(
  schedule: Schedule,
  base: number,
  step: number,
  stepsPerEpoch: number,
  totalSteps: number,
): number {
  const warmup = warmupSteps(schedule, stepsPerEpoch)
  const left = Math.max(1, totalSteps - warmup)
  if (step < warmup) return (rateAt(schedule, base, 0, stepsPerEpoch, left) * (step + 1)) / warmup
  return rateAt(schedule, base, step - warmup, stepsPerEpoch, left)
}

/** Steps of the warm-up; 0 where there is none. */
export const warmupSteps = (schedule: Warmup, stepsPerEpoch: number): number =>
  lengthOf('warmup', schedule.warmupSteps, schedule.warmupEpochs, stepsPerEpoch, 0)

function rateAt(schedule: Schedule, base: number, t: number, stepsPerEpoch: number, total: number): number {
  switch (schedule.type) {
    case 'constant':
      return base
    case 'step': {
      const length = lengthOf('step', schedule.stepSize, schedule.stepEpochs, stepsPerEpoch, undefined)
      return base * positive('gamma', schedule.gamma ?? 0.1) ** Math.floor(t / length)
    }
    case 'exponential': {
      const length = lengthOf('decay', schedule.decaySteps, schedule.decayEpochs, stepsPerEpoch, stepsPerEpoch)
      return base * positive('gamma', schedule.gamma) ** (t / length)
    }
    case 'cosine': {
      const { minimum = 0, restarts = false, cycleFactor = 1 } = schedule
      const length = lengthOf('cosine', schedule.steps, schedule.epochs, stepsPerEpoch, total)
      const share = restarts ? shareOfCycle(t, length, cycleFactor) : Math.min(1, t / length)
      return cosineBetween(base, minimum, share)
    }
    case 'linear': {
      const length = lengthOf('linear', schedule.steps, schedule.epochs, stepsPerEpoch, total)
      return base * (1 + ((schedule.endFactor ?? 0) - 1) * Math.min(1, t / length))
    }
    case 'oneCycle': {
      const { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = schedule
      const first = base / positive('divFactor', divFactor)
      const last = first / positive('finalDivFactor', finalDivFactor)
      if (!(pctStart >= 0 && pctStart <= 1)) {
        throw new UserError(
          `Expected \`pctStart\` of the schedule to be a number from 0 to 1, got ${describe(pctStart)}.`,
        )
      }
      const peak = pctStart * total - 1
      if (t < peak) return cosineBetween(first, base, t / peak)
      return cosineBetween(
        base,
        last,
        Math.min(1, (t - Math.max(0, peak)) / Math.max(1, total - 1 - Math.max(0, peak))),
      )
    }
    case 'polynomial': {
      const { power = 1, minimum = 0 } = schedule
      const length = lengthOf('polynomial', schedule.steps, schedule.epochs, stepsPerEpoch, total)
      return minimum + (base - minimum) * (1 - Math.min(1, t / length)) ** positive('power', power)
    }
  }
}

function cosineBetween(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2
}

/** How far step t is through its cycle, where cycle k has length * factor^k steps. */
function shareOfCycle(t: number, length: number, factor: number): number {
  if (!(factor >= 1)) throw new UserError(`Expected \`cycleFactor\` to be a number >= 1, got ${describe(factor)}.`)
  let start = 0
  let cycle = length
  while (t >= start + cycle) {
    start += cycle
    cycle *= factor
  }
  return (t - start) / cycle
}

/** A length in steps from one given in steps or in epochs, or else its default (undefined: one must be given). */
function lengthOf(
  what: string,
  steps: number | undefined,
  epochs: number | undefined,
  stepsPerEpoch: number,
  whole: number | undefined,
): number {
  if (steps !== undefined && epochs !== undefined) {
    throw new UserError(
      `Expected the ${what} length of the schedule in steps or in epochs, got both: ${steps} steps and ${epochs} epochs.`,
    )
  }
  const length = steps ?? (epochs === undefined ? whole : epochs * stepsPerEpoch)
  const least = what === 'warmup' ? 0 : Number.MIN_VALUE
  if (length === undefined || !(length >= least && length < Infinity)) {
    const expected = what === 'warmup' ? '>= 0' : '> 0'
    throw new UserError(
      `Expected the ${what} length of the schedule to be a number ${expected}, got ${describe(steps ?? epochs)}.`,
    )
  }
  return length
}

function positive(name: string, value: number): number {
  if (value > 0 && value < Infinity) return value
  throw new UserError(`Expected \`${name}\` of the schedule to be a finite number > 0, got ${describe(value)}.`)
}
