/**
 * Repair: from a verdict to a network that trains. The remedies are pure (src/remedy); this one keeps the run's log of
 * them, tries them in the order of the ladder, and takes back what did not help.
 *
 * Everything is decided from numbers that are the same for any number of workers, so the same config and seed give the
 * same repairs. It ends: each remedy has a number of uses, and each action is one use.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import { momentsOf, scaleOf } from '../data/scale.ts'
import type { Dataset } from '../data/dataset.ts'
import type { HealthVerdict, Severity } from '../gradient/verdict.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { Model } from '../model/build.ts'
import { actionText } from '../remedy/action.ts'
import type { Action } from '../remedy/action.ts'
import * as ladder from '../remedy/ladder.ts'
import { admit, discharge } from '../remedy/patient.ts'
import type { Patient } from '../remedy/patient.ts'
import type { Case, DataScale, Remedy, Treatment } from '../remedy/remedy.ts'
import type { History } from './history.ts'
import { asTaken, preflight, sampleOf } from './preflight.ts'
import type { Task } from './prepare.ts'
import type { Weights } from './weights.ts'

/** What is trained: a remedy makes another one of it. */
export interface Subject {
  readonly config: ResolvedConfig
  readonly model: Model
  readonly weights: Weights
  readonly updates: number
}

export interface Treated {
  readonly subject: Subject
  /** Verdicts of the last check. */
  readonly left: HealthVerdict[]
}

export interface RepairContext {
  readonly task: Task
  readonly data: Dataset
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly history: History
  /** Told of each action. */
  tell(action: Action): Promise<void>
}

/** Symptoms that are treated too once something had to be done: what is changed shall be right. */
const ALSO: ReadonlySet<string> = new Set([
  'SHATTERED',
  'GRAD_VANISHING',
  'SIGNAL_OVERSCALE',
  'SIGNAL_COLLAPSE',
  'SATURATED',
])
const isFault = (severity: Severity) => severity === 'fault' || severity === 'fatal'

export class Repair {
  readonly #context: RepairContext
  readonly #scale: DataScale
  readonly #sample: Dataset

  constructor(context: RepairContext) {
    this.#context = context
    this.#sample = sampleOf(context.data)
    this.#scale = dataScale(context)
  }

  /** Faults known before the first step: each remedy is tried, the check repeated, and what did not help taken back. */
  async before(subject: Subject, found: readonly HealthVerdict[]): Promise<Treated> {
    const state = { subject, found }
    const isGrave = ({ severity }: HealthVerdict) => isFault(severity)
    const wasTouched = await this.#treatAll(state, isGrave)
    if (wasTouched)
      await this.#treatAll(state, (v) => isFault(v.severity) || (v.severity === 'warn' && ALSO.has(v.code)))
    return { subject: state.subject, left: [...state.found] }
  }

  /** @returns whether something was kept */
  async #treatAll(
    state: { subject: Subject; found: readonly HealthVerdict[] },
    calls: (verdict: HealthVerdict) => boolean,
  ): Promise<boolean> {
    let touched = false
    for (;;) {
      const chosen = await this.#next(state.subject, state.found.filter(calls))
      if (!chosen) return touched
      const { verdict, remedy, treatment } = chosen
      const treated = operate(state.subject, treatment.patient)
      const after = await this.#check(treated)
      const helped = isBetter(state.found.filter(calls), after.filter(calls), verdict)
      await this.#log(verdict, remedy, treatment.changes, helped ? 'kept' : 'reverted', -1)
      if (!helped) continue
      touched = true
      state.subject = treated
      state.found = after
    }
  }

  /** The first verdict for which a remedy is left that has something to do. */
  async #next(
    subject: Subject,
    verdicts: readonly HealthVerdict[],
  ): Promise<{ verdict: HealthVerdict; remedy: Remedy; treatment: Treatment } | null> {
    const start = patientOf(subject, this.#context.task)
    for (const verdict of verdicts) {
      for (const remedy of ladder.before[verdict.code] ?? []) {
        if (this.#tries(remedy) >= remedy.limit) continue
        const treatment = await remedy.treat(this.#case(verdict, remedy, { now: start, healthy: null, start }))
        if (treatment) return { verdict, remedy, treatment }
      }
    }
    return null
  }

  #case({ code, layer }: HealthVerdict, remedy: Remedy, patients: Pick<Case, 'now' | 'healthy' | 'start'>): Case {
    const { kernels, module } = this.#context
    const { model } = patients.start
    const { x, rows } = asTaken({ config: { model } as ResolvedConfig, data: this.#sample }).data
    return {
      ...patients,
      complaint: { code, layer },
      tries: this.#tries(remedy),
      data: this.#scale,
      calibration: { rows, x, kernels, module },
      scheduled: 1,
      firstUpdate: NaN,
      lastUpdate: NaN,
      gradNorm: NaN,
      gradNormAfterClip: NaN,
      healthyRate: NaN,
    }
  }

  #tries({ name }: Remedy): number {
    return this.#context.history.actions.filter(({ remedy }) => remedy === name).length
  }

  #check({ config, model, weights }: Subject): Promise<HealthVerdict[]> {
    const { task, data, kernels, module } = this.#context
    return preflight({ config, model, weights, task, data, kernels, module })
  }

  async #log(
    { code: verdict, layer }: HealthVerdict,
    remedy: Remedy,
    changes: readonly string[],
    outcome: Action['outcome'],
    step: number,
  ): Promise<void> {
    const told = { step, verdict, remedy: remedy.name, layer, changes, outcome }
    const action: Action = { ...told, text: actionText(told), gain: null }
    this.#context.history.actions.push(action)
    await this.#context.tell(action)
  }
}

/** Whether what was complained of is gone, and nothing new came in its place. */
function isBetter(before: readonly HealthVerdict[], after: readonly HealthVerdict[], { code }: HealthVerdict): boolean {
  const known = new Set(before.map((verdict) => verdict.code))
  return after.every((verdict) => verdict.code !== code && known.has(verdict.code))
}

export function patientOf({ config, model, weights, updates }: Subject, { loss }: Task): Patient {
  const { optimizer, schedule, clip, seed } = config
  return admit(model, weights, { optimizer, schedule, clip, loss, updates, seed })
}

export function operate({ config }: Subject, patient: Patient): Subject {
  const { model, weights } = discharge(patient)
  const { optimizer, schedule, clip } = patient
  return {
    config: { ...config, model: model.config as ResolvedConfig['model'], optimizer, schedule, clip } as ResolvedConfig,
    model,
    weights,
    updates: patient.updates,
  }
}

/** Rows that moments are taken over, at the most. */
const MOMENT_ROWS = 4096

function dataScale({ data, task }: RepairContext): DataScale {
  const { features, targets } = data
  const rows = Math.min(MOMENT_ROWS, data.rows)
  const [x, y] = [data.x.subarray(0, rows * features), data.y.subarray(0, rows * targets)]
  const { mean, deviation } = momentsOf(x, features)
  const numeric = task.loss.type === 'meanSquaredError'
  const moments = numeric ? momentsOf(y, targets) : { mean: [], deviation: [NaN] }
  const damaged = x.some((value) => !Number.isFinite(value))
  const { feature, target } = scaleOf(sampleOf(data))
  return {
    feature: damaged ? NaN : feature,
    target: numeric ? target : NaN,
    damaged,
    mean,
    deviation,
    targetMean: moments.mean,
    targetDeviation: Math.sqrt(moments.deviation.reduce((sum, d) => sum + d * d, 0) / moments.deviation.length),
  }
}
