/** Settings that hold a training back, or let it run away: schedule, weight decay, clipping, batch, rows. */
import type { Patient } from '../patient.ts'
import type { Remedy } from '../remedy.ts'

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Share of its base below which a schedule has put the rate to sleep. */
const ASLEEP = 1e-2
/** Times its base to which a schedule may raise the rate. */
const RISEN = 3
/** What weight decay may take off the weights in one step. */
const MOST_DECAY = 1e-3
const USUAL_DECAY = 1e-2
/** Clipped norm over the norm before, below which the clip alone sets the pace. */
const STRANGLED = 1e-2
/** Share of the steps that a warm-up takes: RoBERTa's (Liu et al. 2019, arXiv 1907.11692). */
const WARMUP = 0.06

export const holdRate: Remedy = {
  name: 'hold the learning rate',
  limit: 1,
  isSure: true,
  treat({ start, scheduled }) {
    const { schedule } = start
    if (schedule.type === 'constant' || !(scheduled < ASLEEP)) return null
    const changes = [`schedule ${schedule.type} -> constant`]
    return { patient: { ...start, schedule: { type: 'constant' } }, changes, then: 'restart' }
  },
}

/** Where the schedule has raised the rate far beyond its base: the rate that the run was well with, or the base, from there on. */
export const stopRise: Remedy = {
  name: 'stop the rise of the rate',
  limit: 1,
  isSure: true,
  treat({ start, now, healthy, healthyRate, scheduled }) {
    const { schedule } = start
    if (!(scheduled > RISEN)) return null
    const digits = (rate: number) => Number(rate.toPrecision(6))
    const learningRate = healthy ? digits(healthyRate) : now.optimizer.learningRate
    const optimizer = { ...now.optimizer, learningRate }
    const changes = [
      `schedule ${schedule.type} -> constant`,
      `learning rate ${digits(now.optimizer.learningRate * scheduled)} -> ${learningRate}`,
    ]
    const patient: Patient = { ...(healthy ?? start), optimizer, schedule: { type: 'constant' } }
    return { patient, changes, then: healthy ? 'continue' : 'restart' }
  },
}

/** Where the run would end before its warm-up does. */
export const shortenWarmup: Remedy = {
  name: 'shorten the warm-up',
  limit: 1,
  isSure: true,
  treat({ start, steps, warmup }) {
    if (!(warmup > steps)) return null
    const warmupSteps = Math.ceil(WARMUP * steps)
    const changes = [`warm-up ${warmup} -> ${warmupSteps} steps`]
    const schedule = { ...start.schedule, warmupEpochs: undefined, warmupSteps }
    return { patient: { ...start, schedule }, changes, then: 'restart' }
  },
}

/** A sound row in place of each that is broken. From the last state that was well, or anew. */
export const replaceBroken: Remedy = {
  name: 'replace broken rows',
  limit: 1,
  isSure: true,
  treat({ start, healthy, data: { broken } }) {
    if (start.brokenRows === 'replace' || broken === 0) return null
    const changes = [`${broken} rows: the next sound one in their place`]
    return {
      patient: { ...(healthy ?? start), brokenRows: 'replace' },
      changes,
      then: healthy ? 'continue' : 'restart',
    }
  },
}

export const easeDecay: Remedy = {
  name: 'less weight decay',
  limit: 1,
  isSure: true,
  treat({ start }) {
    const { optimizer } = start
    const { learningRate, weightDecay } = optimizer
    if (!(learningRate * weightDecay > MOST_DECAY)) return null
    const changes = [`weight decay ${weightDecay} -> ${USUAL_DECAY}`]
    return { patient: { ...start, optimizer: { ...optimizer, weightDecay: USUAL_DECAY } }, changes, then: 'restart' }
  },
}

export const widenClip: Remedy = {
  name: 'widen the clip',
  limit: 1,
  isSure: true,
  treat({ start, gradNorm, gradNormAfterClip }) {
    if (start.clip.mode !== 'globalNorm' || !(gradNormAfterClip < STRANGLED * gradNorm)) return null
    const changes = [`clip ${start.clip.maxNorm} -> off`]
    return { patient: { ...start, clip: { mode: 'off' } }, changes, then: 'restart' }
  },
}

/** From the last state that was well, with gradients held to twice the norm that was usual there. */
export const clipAtNorm: Remedy = {
  name: 'clip at the usual norm',
  limit: 1,
  treat({ healthy, gradNorm, now }) {
    if (!healthy || !(gradNorm > 0)) return null
    const maxNorm = Number((2 * gradNorm).toPrecision(6))
    if (now.clip.mode === 'globalNorm' && now.clip.normType === 2 && now.clip.maxNorm <= maxNorm) return null
    const before = now.clip.mode === 'globalNorm' ? String(now.clip.maxNorm) : now.clip.mode
    const changes = [`clip ${before} -> ${maxNorm}`, 'back to the last healthy state']
    return { patient: { ...healthy, clip: { mode: 'globalNorm', maxNorm, normType: 2 } }, changes, then: 'continue' }
  },
}

export const rollBack: Remedy = {
  name: 'roll back',
  limit: 2,
  isSure: true,
  treat({ healthy }) {
    return (
      healthy && {
        patient: healthy,
        changes: ['back to the last healthy state; the batches since are dropped'],
        then: 'continue',
      }
    )
  },
}

/** The same, for what comes back where its cause is still there: then another remedy has its turn. */
export const rollBackOnce: Remedy = {
  ...rollBack,
  treat: (given) => (given.tries === 0 ? rollBack.treat(given) : null),
}

/**
 * Where a part of the batch gives a gradient that cannot be its own: none is kept apart any more, each weight's gradient is
 * summed over the whole batch at once. From the last state that was well, or anew.
 */
export const sumWhole: Remedy = {
  name: 'sum the gradient in another way',
  limit: 1,
  isSure: true,
  treat({ healthy, start }) {
    if (start.gradient === 'whole') return null
    const changes = [`gradient ${start.gradient} -> whole`]
    return { patient: { ...(healthy ?? start), gradient: 'whole' }, changes, then: healthy ? 'continue' : 'restart' }
  },
}

/** The same, where one layer gets no gradient at all. */
export const sumWholeWhereIdle: Remedy = {
  ...sumWhole,
  treat: (given) =>
    given.complaint.code === 'UPDATE_TOO_SMALL' && given.complaint.layer ? sumWhole.treat(given) : null,
}
