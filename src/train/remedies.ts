/**
 * Which remedy comes next: the first of the ladder that is left and has something to do for this run. Whatever is done
 * is one line in the run's log.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { warmupSteps } from '../optim/schedules.ts'
import { actionText } from '../remedy/action.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Case, DataScale, Remedy, Treatment } from '../remedy/remedy.ts'
import { CALM, median } from './good-states.ts'
import type { GoodState } from './good-states.ts'
import type { History } from './history.ts'
import { asTaken, preflight, sampleOf } from './preflight.ts'
import type { Task } from './prepare.ts'
import type { Rows } from './rows.ts'
import { dataScale } from './subject.ts'
import type { Subject } from './subject.ts'

export interface RepairContext {
  readonly task: Task
  readonly rows: Rows
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly history: History
  /** Loss of the best constant answer. */
  nullLoss: number
  /** Steps that were asked for. */
  readonly steps: number
  /** Told of each action, and of what became of one that was pending. */
  tell(action: Action): Promise<void>
  tellOutcome(action: Action): Promise<void>
}

/** What a remedy is chosen for. */
export type Complaint = Pick<HealthVerdict, 'code' | 'layer'>

export interface Chosen {
  readonly verdict: Complaint
  readonly remedy: Remedy
  readonly treatment: Treatment
}

export class Remedies {
  readonly #context: RepairContext
  readonly #scales = new Map<Dataset, DataScale>()

  constructor(context: RepairContext) {
    this.#context = context
  }

  /**
   * The first remedy that is left and has something to do, for the first verdict that has one. Where it is not sure to
   * help: up to `most` such remedies for that verdict, the mildest first.
   */
  async choose(
    ladder: ladders.Ladder,
    verdicts: readonly Complaint[],
    caseOf: (verdict: Complaint, remedy: Remedy) => Case,
    most = 1,
  ): Promise<Chosen[]> {
    const { history, steps } = this.#context
    const mayRestart = history.stepsExecuted <= steps
    for (const verdict of verdicts) {
      const found: Chosen[] = []
      for (const remedy of ladders.left(ladder, verdict.code, history.actions)) {
        if (found.length > 0 && (remedy.isSure || found.some((one) => one.remedy.name === remedy.name))) continue
        const treatment = await remedy.treat(caseOf(verdict, remedy))
        if (!treatment || (treatment.then === 'restart' && !mayRestart)) continue
        found.push({ verdict, remedy, treatment })
        if (remedy.isSure || found.length === most) break
      }
      if (found.length > 0) return found
    }
    return []
  }

  case(
    { code, layer }: Complaint,
    remedy: Remedy,
    patients: Pick<Case, 'now' | 'healthy' | 'start'>,
    state: GoodState | null,
  ): Case {
    const { kernels, module, history, steps } = this.#context
    const { model, schedule, batchSize } = patients.now
    const all = this.#context.rows.of(patients.now)
    const { x, rows } = asTaken({ config: { model } as ResolvedConfig, data: sampleOf(all) }).data
    const stepsPerEpoch = batchSize === 'full' ? 1 : Math.ceil(all.rows / batchSize)
    const recent = (values: Float32Array) => median(values.slice(-CALM))
    return {
      ...patients,
      complaint: { code, layer },
      tries: ladders.uses(remedy.name, history.actions),
      data: this.#scaleOf(all),
      calibration: { rows, x, kernels, module },
      steps,
      warmup: warmupSteps(schedule, stepsPerEpoch),
      age: 0,
      scheduled: 1,
      firstUpdate: NaN,
      gradNorm: state?.gradNorm ?? recent(history.steps.gradNorm),
      gradNormAfterClip: recent(history.steps.gradNormAfterClip),
      healthyRate: state?.rate ?? NaN,
    }
  }

  preflightOf({ config, model, weights }: Subject) {
    const { task, rows, kernels, module, steps } = this.#context
    return { config, model, weights, task, data: rows.of(config.health), kernels, module, steps }
  }

  #scaleOf(data: Dataset): DataScale {
    const known = this.#scales.get(data)
    if (known) return known
    const found = { ...dataScale(data, this.#context.task), broken: this.#context.rows.broken }
    this.#scales.set(data, found)
    return found
  }

  check(subject: Subject): Promise<HealthVerdict[]> {
    return preflight(this.preflightOf(subject))
  }

  async log({ verdict, remedy, treatment }: Chosen, step: number, outcome: Action['outcome']): Promise<Action> {
    const { code, layer } = verdict
    const told = { step, verdict: code, remedy: remedy.name, layer, changes: treatment.changes, outcome }
    const action: Action = { ...told, text: actionText(told), gain: null }
    this.#context.history.actions.push(action)
    await this.#context.tell(action)
    return action
  }
}
