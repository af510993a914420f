/** What is trained, on the trainer's side and on the remedies' side, and what they are told of the data. */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { momentsOf, scaleOf } from '../data/scale.ts'
import type { Model } from '../model/build.ts'
import { admit, discharge } from '../remedy/patient.ts'
import type { Patient } from '../remedy/patient.ts'
import type { DataScale } from '../remedy/remedy.ts'
import { sampleOf } from './preflight.ts'
import type { Task } from './prepare.ts'
import type { Weights } from './weights.ts'

export interface Subject {
  readonly config: ResolvedConfig
  readonly model: Model
  readonly weights: Weights
  readonly updates: number
}

export function patientOf({ config, model, weights, updates }: Subject, { loss }: Task): Patient {
  const { optimizer, schedule, clip, gradient, seed, accumulationSteps, batchSize, health } = config
  const { brokenRows } = health
  const canNormalise = accumulationSteps === 1
  const settings = { optimizer, schedule, clip, batchSize, brokenRows, canNormalise, gradient }
  return admit(model, weights, { ...settings, loss, updates, seed })
}

/** The subject with what a remedy changed. */
export function operate({ config }: Pick<Subject, 'config'>, patient: Patient): Subject {
  const { model, weights } = discharge(patient)
  const { optimizer, schedule, clip, batchSize, brokenRows, gradient, updates } = patient
  const settings = { optimizer, schedule, clip, batchSize, gradient, health: { ...config.health, brokenRows } }
  return { config: { ...config, model: model.config, ...settings } as ResolvedConfig, model, weights, updates }
}

/** Rows that moments are taken over, at the most. */
const MOMENT_ROWS = 4096

export function dataScale(data: Dataset, task: Task): Omit<DataScale, 'broken'> {
  const { features, targets } = data
  const rows = Math.min(MOMENT_ROWS, data.rows)
  const [x, y] = [data.x.subarray(0, rows * features), data.y.subarray(0, rows * targets)]
  const { mean, deviation } = momentsOf(x, features)
  const squared = task.loss.type === 'meanSquaredError'
  const moments = squared ? momentsOf(y, targets) : { mean: [], deviation: [NaN] }
  const { feature, target } = scaleOf(sampleOf(data))
  const damaged = !x.every(Number.isFinite)
  return {
    feature,
    target: squared ? target : NaN,
    damaged,
    mean,
    deviation,
    targetMean: moments.mean,
    targetDeviation: Math.sqrt(moments.deviation.reduce((sum, d) => sum + d * d, 0) / moments.deviation.length),
  }
}
