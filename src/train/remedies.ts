/**
 * Which remedy comes next: the first of the ladder that is left and has something to do for this run. Whatever is done
 * is one line in the run's log.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { actionText } from '../remedy/action.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Case, DataScale, Remedy, Treatment } from '../remedy/remedy.ts'
import { CALM, median } from './good-states.ts'
import type { GoodState } from './good-states.ts'
import type { History } from './history.ts'
import { asTaken, preflight, sampleOf } from './preflight.ts'
import type { Task } from './prepare.ts'
import { dataScale } from './subject.ts'
import type { Subject } from './subject.ts'

export interface RepairContext {
  readonly task: Task
  readonly data: Dataset
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly history: History
  /** Loss of the best constant answer. */
  readonly nullLoss: number
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
  readonly #scale: DataScale
  readonly #sample: Dataset

  constructor(context: RepairContext) {
    this.#context = context
    this.#sample = sampleOf(context.data)
    this.#scale = dataScale(context.data, context.task)
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
    const { kernels, module, history } = this.#context
    const { model } = patients.now
    const { x, rows } = asTaken({ config: { model } as ResolvedConfig, data: this.#sample }).data
    const recent = (values: Float32Array) => median(values.slice(-CALM))
    return {
      ...patients,
      complaint: { code, layer },
      tries: ladders.uses(remedy.name, history.actions),
      data: this.#scale,
      calibration: { rows, x, kernels, module },
      age: 0,
      scheduled: 1,
      firstUpdate: NaN,
      gradNorm: state?.gradNorm ?? recent(history.steps.gradNorm),
      gradNormAfterClip: recent(history.steps.gradNormAfterClip),
      healthyRate: state?.rate ?? NaN,
    }
  }

  preflightOf({ config, model, weights }: Subject) {
    const { task, data, kernels, module } = this.#context
    return { config, model, weights, task, data, kernels, module }
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
