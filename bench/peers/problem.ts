/**
 * A workload as a folder that any language can read: problem.json (settings, shapes, file names) beside raw
 * little-endian float32 arrays, row-major, kernels [in, out]. Everybody starts from these weights and this data.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Trainer } from '../../src/train/trainer.ts'
import { workload } from '../workloads.ts'

export interface Problem {
  readonly name: string
  /** Layer widths from the input on; ReLU between the layers. */
  readonly widths: readonly number[]
  readonly batchSize: number
  /** Batches in the data, taken in order, over and over. */
  readonly batches: number
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly file: string }[]
  /** Of the timed steps; see workloads.ts. */
  readonly learningRate: number
  /** Of the steps that are compared: one at which a wrong gradient, clip or update shows in the losses. */
  readonly checkLearningRate: number
  readonly checkSteps: number
  readonly clipNorm: number
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number }
}

export interface LoadedProblem extends Problem {
  /** batches x batchSize rows of widths[0] features. */
  readonly x: Float32Array
  /** Class numbers. */
  readonly y: Float32Array
  /** In the order of `parameters`: kernel, bias, kernel, bias, .. */
  readonly weights: readonly Float32Array[]
}

const CHECK = { checkLearningRate: 1e-3, checkSteps: 20 }
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

export async function writeProblem(name: string, dir: string): Promise<Problem> {
  const { config, data } = workload(name)
  await using trainer = await Trainer.create({ ...config, workers: 1, kernels: 'wasm-strict' })
  await trainer.build(data)
  const { parameters } = trainer.model!
  const weights = trainer.getWeights()
  const problem: Problem = {
    name,
    widths: [data.features, ...parameters.filter(({ shape }) => shape.length === 1).map(({ shape }) => shape[0]!)],
    batchSize: Number(trainer.config.batchSize),
    batches: data.rows / Number(trainer.config.batchSize),
    parameters: parameters.map(({ name, shape }, i) => ({ name, shape, file: `parameter-${i}.f32` })),
    learningRate: trainer.config.optimizer.learningRate,
    ...CHECK,
    clipNorm: 1,
    adam: ADAM,
  }
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'problem.json'), JSON.stringify(problem, null, 2))
  await writeFile(join(dir, 'x.f32'), Float32Array.from(data.x))
  await writeFile(join(dir, 'y.f32'), Float32Array.from(data.y))
  for (const { name, file } of problem.parameters) await writeFile(join(dir, file), weights[name]!)
  return problem
}

export async function readProblem(dir: string): Promise<LoadedProblem> {
  const problem = JSON.parse(await readFile(join(dir, 'problem.json'), 'utf8')) as Problem
  const [x, y, ...weights] = await Promise.all(
    ['x.f32', 'y.f32', ...problem.parameters.map(({ file }) => file)].map((file) => readFloats(join(dir, file))),
  )
  return { ...problem, x: x!, y: y!, weights }
}

async function readFloats(path: string): Promise<Float32Array> {
  const bytes = await readFile(path)
  // A copy: a buffer of the pool need not start at a multiple of four.
  return new Float32Array(Uint8Array.from(bytes).buffer)
}
