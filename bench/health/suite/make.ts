/** Shared words of the suite's files. */
import type { Config } from '../../../src/config/schema.ts'
import type { Dataset } from '../../../src/data/dataset.ts'
import type { Build, Case, Family } from '../case.ts'
import { outputsOf } from '../data.ts'
import type { DataName } from '../data.ts'
import { mlp } from '../nets.ts'
import type { Activation, MlpOptions } from '../nets.ts'

export const adam = (learningRate = 3e-3) => ({ type: 'adam', learningRate }) as const
export const sgd = (learningRate: number, momentum = 0) => ({ type: 'sgd', learningRate, momentum }) as const

type Settings = Partial<Omit<Config, 'model'>>

/** Batches of 32, Adam, no clipping: what is measured is the detector, and not what clipping hides from it. */
export function build(model: Config['model'], settings: Settings = {}, rest: Omit<Build, 'config'> = {}): Build {
  return { config: { batchSize: 32, clip: 'off', optimizer: adam(), ...settings, model }, ...rest }
}

export const net = (
  data: DataName,
  activation: Activation,
  depth: number,
  width: number,
  options?: MlpOptions,
): Config['model'] => mlp(activation, depth, width, outputsOf[data], options)

type Given = Pick<Case, 'data' | 'net' | 'build' | 'twin'> & Partial<Case>

/** @param classes what the fault is, then the other names that are right too */
export const faulty = (id: string, title: string, classes: Case['classes'], given: Given): Case => ({
  id,
  family: id.replace(/[a-z]$/, '') as Family,
  title,
  classes,
  steps: 400,
  since: 0,
  ...given,
})

export const healthy = (id: string, title: string, given: Omit<Given, 'twin'> & { twin?: Build }): Case => ({
  id,
  family: 'H',
  title,
  classes: [],
  steps: 400,
  since: 0,
  twin: given.build,
  ...given,
})

/** Of the tensors themselves, so that `x` may be changed in place by row. */
export const mapX =
  (change: (value: number, feature: number) => number) =>
  (data: Dataset): Dataset => ({ ...data, x: data.x.map((value, i) => change(value, i % data.features)) })
export const mapY =
  (change: (value: number) => number) =>
  (data: Dataset): Dataset => ({ ...data, y: data.y.map(change) })

/** Within each run of `batchSize` rows, by label: so that every participant's part holds classes of its own. */
export const byShard =
  (batchSize: number) =>
  (data: Dataset): Dataset => {
    const order = Array.from({ length: data.rows }, (_, row) => row)
    order.sort((a, b) => Math.floor(a / batchSize) - Math.floor(b / batchSize) || data.y[a]! - data.y[b]! || a - b)
    return {
      ...data,
      x: Float32Array.from(
        order.flatMap((row) => [...data.x.subarray(row * data.features, (row + 1) * data.features)]),
      ),
      y: Float32Array.from(order, (row) => data.y[row]!),
    }
  }

/** Targets that lie on a line of the one feature, but for a tenth. */
export const straight = (data: Dataset): Dataset => ({ ...data, y: data.y.map((y, i) => 0.7 * data.x[i]! + 0.1 * y) })
