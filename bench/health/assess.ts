/** One case and seed: what our detector and every rival say of the same run, and what repair makes of it. */
import type { Case, Class } from './case.ts'
import { rivals } from './rivals/index.ts'
import { watchSignals } from './signals.ts'
import type { StepSignals } from './signals.ts'
import { faultsOf } from './subject.ts'
import { train, unprotected } from './train.ts'

/** What one detector said of one run. */
export interface Said {
  readonly detector: string
  /** In order; -1 is before the first step. For a rival only the first of each class. */
  readonly alarms: readonly { readonly step: number; readonly class: Class; readonly code?: string }[]
  /** Steps that were skipped or scaled down. */
  readonly acts: number
}

export interface Repair {
  readonly e: number
  readonly accuracy: number
  /** Steps taken, those that were taken back included, over the budget. */
  readonly cost: number
  readonly seconds: number
  /** Those that were kept. */
  readonly actions: readonly { readonly step: number; readonly verdict: string; readonly remedy: string }[]
  readonly stopped: string | undefined
}

export interface Assessment {
  readonly id: string
  readonly seed: number
  readonly steps: number
  /** Without anything that interferes: explained fraction and accuracy. */
  readonly e: number
  readonly accuracy: number
  readonly seconds: number
  readonly said: readonly Said[]
  readonly repair: Repair
}

export const OURS = 'Brigantine'

export async function assess(c: Case, seed: number): Promise<Assessment> {
  const epochs = epochsOf(c)
  const listeners = rivals.map((rival) => ({ name: rival.name, rule: rival.start(epochs) }))
  const said = listeners.map(({ name }) => ({ detector: name, alarms: [] as Said['alarms'][number][], acts: 0 }))
  const listen = (signals: StepSignals) =>
    listeners.forEach(({ rule }, i) => {
      const { alarm, acts } = rule(signals)
      const own = said[i]!
      if (acts) own.acts++
      const isEarly = signals.step < c.since
      const isNew = alarm && !own.alarms.some((a) => a.class === alarm && a.step < c.since === isEarly)
      if (isNew) own.alarms.push({ step: signals.step, class: alarm })
    })
  const observed = await train(c, c.build, seed, unprotected, watchSignals(c.net.split(' ')[0]!, listen))
  const repaired = await train(c, c.build, seed, 'repair')
  const kept = repaired.actions.filter(({ outcome }) => outcome !== 'reverted')
  const ours: Said = {
    detector: OURS,
    alarms: faultsOf(observed.verdicts),
    // Skipped batches, and remedies that were kept; a stop.
    acts: kept.length + (repaired.history?.skipped ?? 1),
  }
  return {
    id: c.id,
    seed,
    steps: c.steps,
    e: observed.nonFinite ? 0 : observed.e,
    accuracy: observed.nonFinite ? 0 : observed.accuracy,
    seconds: observed.seconds,
    said: [ours, ...said],
    repair: {
      e: repaired.e,
      accuracy: repaired.accuracy,
      cost: (repaired.history?.steps.length ?? Infinity) / c.steps,
      seconds: repaired.seconds,
      actions: kept.map(({ step, verdict, remedy }) => ({ step, verdict, remedy })),
      stopped: repaired.stopped,
    },
  }
}

function epochsOf({ build, steps }: Case): number {
  const { batchSize = 32 } = build.config
  return batchSize === 'full' ? steps : Math.ceil((steps * batchSize) / (build.rows ?? 700))
}
