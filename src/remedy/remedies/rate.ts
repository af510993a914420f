/** Learning rates that move the weights by a plausible share of themselves: about 1 % a step at the start. */
import { withDefaults } from '../../optim/optimizers.ts'
import type { OptimizerConfig } from '../../optim/optimizers.ts'
import type { Schedule } from '../../optim/schedules.ts'
import { withFreshState } from '../patient.ts'
import type { Patient } from '../patient.ts'
import type { Case, Remedy, Treatment } from '../remedy.ts'

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** log10 of the relative first update that a rate is set to, and what counts as more than plausible. */
const TARGET = -2
const MOST = -1.5
/** What a rate is raised to: it is cut again where that is too much. */
const RAISED = -1.7
/** Steps within which a rate that is out of all proportion shows; what comes later is nearer to right. */
const SOON = 32
/** A cut where nothing better is known. */
const CUT = 0.3
const MOMENTUM = 0.9
const ADAM_RATE = 3e-3
const HIGH_ADAM_RATE = 1e-2
/** Rows up to which a batch says little of all, and what it then becomes: the default, and what the fewest rows share. */
const FEW_ROWS = 8
const USUAL_ROWS = 32
/** log10 of the relative first update that may be where the rate falls later. */
const HIGH = -1

/** Where the first update is too large to be plausible: anew, with a rate that makes it 1 % of the weights. */
export const tameRate: Remedy = {
  name: 'tame the rate to 1 %',
  limit: 1,
  treat: (given) => tamed(given, TARGET),
}

/** The same, to 3 %: what learns faster where it holds. */
export const tameBoldly: Remedy = {
  name: 'tame the rate to 3 %',
  limit: 1,
  treat: (given) => tamed(given, MOST),
}

function tamed({ start, now, firstUpdate, age, complaint }: Case, target: number): Treatment | null {
  // Later, unless it was known before, the rate has shown that it is nearer to right.
  if (!(firstUpdate > MOST) || (age > SOON && complaint?.code !== 'LR_IMPLAUSIBLE')) return null
  return { ...falling(withRate(withFreshState(start), now.optimizer, 10 ** (target - firstUpdate))), then: 'restart' }
}

/**
 * Batches of a few rows, whose noise a rate that suits larger ones does not survive: as many steps, of more rows. A rate
 * that is high for those as well is slower towards the end, and moves the weights by 10 % at most.
 */
export const enlargeBatch: Remedy = {
  name: 'enlarge the batch',
  limit: 1,
  isSure: true,
  treat({ start, now, firstUpdate }) {
    const { batchSize } = start
    if (batchSize === 'full' || batchSize > FEW_ROWS) return null
    const patient = { ...withFreshState(start), batchSize: USUAL_ROWS }
    const changes = [`batch of ${batchSize} -> ${USUAL_ROWS} rows`]
    const enlarged = { patient, changes, then: 'restart' } as const
    if (!(firstUpdate > HIGH)) return falling(enlarged)
    const tame = withRate(patient, now.optimizer, 10 ** (HIGH - firstUpdate))
    return falling({ ...enlarged, ...tame, changes: [...changes, ...tame.changes] })
  },
}

/**
 * Where the run was well before: on from there with half the rate, or the rate it was well with if that is less, and
 * slower towards the end; the batches between are dropped. Else anew from the start, with a third of the rate.
 */
export const cutRate: Remedy = {
  name: 'cut the learning rate',
  limit: 5,
  treat({ healthy, start, now, scheduled, healthyRate, firstUpdate }) {
    if (!healthy) {
      const cut = { ...withRate(withFreshState(start), now.optimizer, CUT), then: 'restart' } as const
      return firstUpdate + Math.log10(CUT) > MOST ? falling(cut) : cut
    }
    const last = now.optimizer.learningRate * scheduled
    const factor = healthyRate < last ? Math.min(0.5, healthyRate / last) : 0.5
    return { ...falling(withRate(healthy, now.optimizer, factor)), then: 'continue' }
  },
}

export const raiseRate: Remedy = {
  name: 'raise the learning rate',
  limit: 2,
  treat({ start, now, firstUpdate }) {
    if (!(firstUpdate < TARGET - 1)) return null
    const factor = Math.min(1e8, 10 ** (RAISED - firstUpdate))
    return { ...withRate(withFreshState(start), now.optimizer, factor), then: 'restart' }
  },
}

/** Another rule, for what one rate does not fit: Adam (Kingma and Ba 2015, arXiv 1412.6980) gives each weight its own. */
export const useAdam: Remedy = {
  name: 'use Adam',
  limit: 1,
  treat: ({ start }) => withAdam(start, ADAM_RATE),
}

/** The same with a higher rate, for a run without a fault that learns slowly; and slower towards the end. */
export const useAdamBoldly: Remedy = {
  name: 'use Adam with a high rate',
  limit: 1,
  treat({ start }) {
    const treatment = withAdam(start, HIGH_ADAM_RATE)
    return treatment && falling(treatment)
  },
}

function withAdam(start: Patient, rate: number): Treatment | null {
  if (start.optimizer.type !== 'sgd') return null
  const { learningRate } = start.optimizer
  const optimizer = withDefaults({ type: 'adam', learningRate: rate })
  const schedule = scaledSchedule(start.schedule, rate / learningRate)
  const changes = [`optimizer sgd -> adam, learning rate ${learningRate} -> ${rate}`]
  return { patient: withFreshState({ ...start, optimizer, schedule }), changes, then: 'restart' }
}

/** For a run without a fault that learns slowly: anew with three times the rate, and slower towards the end. */
export const tripleRate: Remedy = {
  name: 'triple the learning rate',
  limit: 1,
  treat({ start, now, firstUpdate }) {
    if (!(firstUpdate + Math.log10(3) < HIGH)) return null
    return { ...falling(withRate(withFreshState(start), now.optimizer, 3)), then: 'restart' }
  },
}

/** The same, up to what moves the weights by 10 % in the first step. */
export const raiseBoldly: Remedy = {
  name: 'raise the rate to 10 %',
  limit: 1,
  treat({ start, now, firstUpdate }) {
    const factor = Math.min(10, 10 ** (HIGH - firstUpdate))
    // Less than that is tripled.
    if (!(factor > 4)) return null
    return { ...falling(withRate(withFreshState(start), now.optimizer, factor)), then: 'restart' }
  },
}

/** With a rate that falls to 0 by the end of the run, unless it has a schedule: what is too fast to settle settles then. */
function falling<T extends Omit<Treatment, 'then'>>(treatment: T): T {
  const { patient, changes } = treatment
  if (patient.schedule.type !== 'constant') return treatment
  const schedule: Schedule = { ...patient.schedule, type: 'linear', endFactor: 0 }
  return { ...treatment, patient: { ...patient, schedule }, changes: [...changes, 'schedule constant -> linear'] }
}

/** Momentum beyond 0.9 goes with a cut: it multiplies the rate by 1 / (1 - momentum). */
function withRate(from: Case['now'], optimizer: OptimizerConfig, factor: number): Omit<Treatment, 'then'> {
  const learningRate = Number((optimizer.learningRate * factor).toPrecision(6))
  const changes = [`learning rate ${optimizer.learningRate} -> ${learningRate}`]
  const next: OptimizerConfig = { ...optimizer, learningRate }
  const schedule = scaledSchedule(from.schedule, factor)
  if (factor < 1 && 'momentum' in next && next.momentum > MOMENTUM) {
    changes.push(`momentum ${next.momentum} -> ${MOMENTUM}`)
    return { patient: { ...from, schedule, optimizer: { ...next, momentum: MOMENTUM } }, changes }
  }
  return { patient: { ...from, schedule, optimizer: next }, changes }
}

/** A schedule's own rates go with its base. */
function scaledSchedule(schedule: Schedule, factor: number): Schedule {
  if (!('minimum' in schedule) || schedule.minimum === undefined) return schedule
  return { ...schedule, minimum: schedule.minimum * factor }
}
