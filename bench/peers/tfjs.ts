/**
 * TensorFlow.js as a contestant: its core operations on variables, as its guide to performance says (tidy, no reads
 * back). Its wasm backend runs on one thread in Node. node bench/peers/tfjs.ts wasm | cpu
 */
import { dirname, sep } from 'node:path'
import { requirePeer, resolvePeer } from './packages.ts'
import type { Adam, LoadedProblem } from './problem.ts'
import { check, serve, time } from './protocol.ts'
import type { Contestant, Step } from './protocol.ts'

interface Tensor {
  matMul(other: Tensor): Tensor
  add(other: Tensor): Tensor
  mul(other: Tensor): Tensor
  relu(): Tensor
  square(): Tensor
  sum(): Tensor
  sqrt(): Tensor
  dataSync(): Float32Array
  dispose(): void
}
type Named = Record<string, Tensor>

interface TensorFlow {
  version: { tfjs: string }
  setBackend(name: string): Promise<boolean>
  getBackend(): string
  tensor(values: Float32Array, shape: readonly number[]): Tensor
  tensor1d(values: Int32Array, dtype: 'int32'): Tensor
  oneHot(indices: Tensor, depth: number): Tensor
  cast(x: Tensor, dtype: 'float32'): Tensor
  variable(value: Tensor, trainable: boolean, name: string): Tensor
  addN(tensors: Tensor[]): Tensor
  minimum(a: number, b: Tensor): Tensor
  div(a: number, b: Tensor): Tensor
  tidy<T extends Tensor | void>(run: () => T): T
  variableGrads(loss: () => Tensor, variables: Tensor[]): { value: Tensor; grads: Named }
  losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor }
  train: {
    adam(rate: number, beta1: number, beta2: number, epsilon: number): { applyGradients(gradients: Named): void }
  }
}

const backend = process.argv[2]!

function build(tf: TensorFlow, problem: LoadedProblem, adam: Adam, prefix: string): Step {
  const { features, batchSize, batches, clipNorm } = problem
  const classes = problem.widths!.at(-1)!
  const data = Array.from({ length: batches }, (_, i) => {
    const rows = [i * batchSize, (i + 1) * batchSize] as const
    const labels = Int32Array.from(problem.y.subarray(...rows))
    return {
      x: tf.tensor(problem.x.slice(rows[0] * features, rows[1] * features), [batchSize, features]),
      y: tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32'),
    }
  })
  const variables = problem.parameters.map(({ name, shape }, i) =>
    tf.variable(tf.tensor(problem.weights[i]!, shape), true, `${prefix}/${name}`),
  )
  const optimizer = tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon)

  const forward = (x: Tensor) => {
    let signal = x
    for (let i = 0; i < variables.length; i += 2) {
      signal = signal.matMul(variables[i]!).add(variables[i + 1]!)
      if (i + 2 < variables.length) signal = signal.relu()
    }
    return signal
  }
  return (index, readLoss) => {
    const { x, y } = data[index % batches]!
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => tf.losses.softmaxCrossEntropy(y, forward(x)), variables)
      const norm = tf.addN(Object.values(grads).map((gradient) => gradient.square().sum())).sqrt()
      const coefficient = tf.minimum(1, tf.div(clipNorm, norm))
      const clipped = Object.entries(grads).map(([name, gradient]) => [name, gradient.mul(coefficient)] as const)
      optimizer.applyGradients(Object.fromEntries(clipped))
      return value
    })
    const value = readLoss ? loss.dataSync()[0] : undefined
    loss.dispose()
    return Promise.resolve(value)
  }
}

async function start(): Promise<Contestant> {
  const tf = requirePeer('@tensorflow/tfjs') as TensorFlow
  if (backend === 'wasm') {
    const wasm = requirePeer('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
    wasm.setWasmPaths(dirname(resolvePeer('@tensorflow/tfjs-backend-wasm')) + sep)
  }
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend did not start`)
  let step: Step
  return {
    about: { version: tf.version.tfjs, backend: tf.getBackend() },
    async prepare(problem) {
      const losses = await check(build(tf, problem, problem.check, 'check'), problem.checkSteps)
      step = build(tf, problem, problem.timed, 'timed')
      return { losses }
    },
    run: (steps) => time(step, steps),
  }
}

await serve(start)
