/**
 * A workload as a folder that any language can read: problem.json (settings, layers, shapes, file names) beside raw
 * little-endian float32 arrays, row-major, kernels [in, out], and the same weights as PyTorch's state dicts have them.
 * Everybody starts from these weights and this data.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Trainer } from '../../src/train/trainer.ts'
import { denseWidths, workload } from '../workloads.ts'

export interface Adam {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  /** Beside the square root of the corrected second moment. */
  readonly epsilon: number
}

export interface Problem {
  readonly name: string
  /** Layer widths from the input on, with ReLU between the layers; undefined: a network of other layers. */
  readonly widths?: readonly number[] | undefined
  /** Of a row: numbers, and class numbers to learn. */
  readonly features: number
  readonly targets: number
  /** As the config has them, every default filled in. */
  readonly inputShape: readonly number[]
  readonly layers: readonly object[]
  readonly batchSize: number
  /** Batches in the data, taken in order, over and over. */
  readonly batches: number
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly file: string }[]
  readonly clipNorm: number
  /** Of the timed steps; see workloads.ts. */
  readonly timed: Adam
  /** Of the steps whose losses are compared. */
  readonly check: Adam
  readonly checkSteps: number
  /** Steps to find out which of several ways is the fastest. */
  readonly trialSteps: number
}

export interface LoadedProblem extends Problem {
  /** batches x batchSize rows of `features`. */
  readonly x: Float32Array
  /** Class numbers, `targets` a row. */
  readonly y: Float32Array
  /** In the order of `parameters`: kernel, bias, kernel, bias, .. */
  readonly weights: readonly Float32Array[]
}

/**
 * Fast enough that a wrong gradient, clip or update shows in the losses. The epsilon is of a gradient's size: with a
 * small one Adam moves by the sign alone, which hides the clipping and makes steps of rounding errors.
 */
const CHECK: Adam = { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-3 }
const CHECK_STEPS = 20

export async function writeProblem(name: string, dir: string): Promise<Problem> {
  const { config, data } = workload(name)
  await using trainer = await Trainer.create({ ...config, workers: 1, kernels: 'wasm-strict' })
  await trainer.build(data)
  const { parameters } = trainer.model!
  const weights = trainer.getWeights()
  const widths = denseWidths(name)
  const total = parameters.reduce((sum, { name }) => sum + weights[name]!.length, 0)
  const problem: Problem = {
    name,
    widths,
    features: data.features,
    targets: data.targets,
    inputShape: trainer.config.model.inputShape ?? [data.features],
    layers: trainer.config.model.layers,
    batchSize: Number(trainer.config.batchSize),
    batches: data.rows / Number(trainer.config.batchSize),
    parameters: parameters.map(({ name, shape }, i) => ({ name, shape, file: `parameter-${i}.f32` })),
    clipNorm: 1,
    timed: { ...CHECK, learningRate: trainer.config.optimizer.learningRate, epsilon: 1e-8 },
    check: CHECK,
    checkSteps: CHECK_STEPS,
    trialSteps: widths && total < 1e6 ? 200 : 6,
  }
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'problem.json'), JSON.stringify(problem, null, 2))
  await writeFile(join(dir, 'x.f32'), Float32Array.from(data.x))
  await writeFile(join(dir, 'y.f32'), Float32Array.from(data.y))
  await trainer.save(join(dir, 'pytorch.safetensors'), { layout: 'pytorch' })
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
