/**
 * jax-js as a contestant: the whole step, update included, is one jit-compiled function on its wasm device (in Node
 * the fastest there is; its threads need the Worker of a browser). An array is used up by the call it is passed to;
 * `.ref` keeps it. node bench/peers/jax.ts
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolvePeer } from './packages.ts'
import type { LoadedProblem } from './problem.ts'
import { check, serve, time } from './protocol.ts'
import type { Contestant, Step } from './protocol.ts'

interface Array_ {
  readonly ref: Array_
  add(other: Array_ | number): Array_
  sub(other: Array_ | number): Array_
  mul(other: Array_ | number): Array_
  div(other: Array_ | number): Array_
  sum(axis?: number): Array_
  reshape(shape: readonly number[]): Array_
  data(): Promise<Float32Array>
  dispose(): void
}
type State = { weights: Array_[]; first: Array_[]; second: Array_[]; steps: Array_ }

interface Jax {
  init(device: 'wasm'): Promise<string[]>
  defaultDevice(device: 'wasm'): void
  blockUntilReady<T>(tree: T): Promise<T>
  jit<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R
  valueAndGrad<A extends unknown[]>(
    f: (weights: Array_[], ...args: A) => Array_,
  ): (weights: Array_[], ...args: A) => [Array_, Array_[]]
  nn: { relu(x: Array_): Array_; logSoftmax(x: Array_, axis: number): Array_ }
  numpy: {
    array(values: Float32Array | number): Array_
    zeros(shape: readonly number[]): Array_
    matmul(a: Array_, b: Array_): Array_
    square(x: Array_): Array_
    sqrt(x: Array_): Array_
    power(base: Array_ | number, exponent: Array_): Array_
    minimum(a: Array_ | number, b: Array_): Array_
  }
}

function build({ jit, valueAndGrad, blockUntilReady, nn, numpy: np }: Jax, problem: LoadedProblem, rate: number): Step {
  const { widths, batchSize, batches, clipNorm, adam } = problem
  const [features, classes] = [widths[0]!, widths.at(-1)!]
  const { beta1, beta2, epsilon } = adam
  const data = Array.from({ length: batches }, (_, i) => {
    const oneHot = new Float32Array(batchSize * classes)
    for (let r = 0; r < batchSize; r++) oneHot[r * classes + problem.y[i * batchSize + r]!] = 1
    const x = problem.x.slice(i * batchSize * features, (i + 1) * batchSize * features)
    return { x: np.array(x).reshape([batchSize, features]), y: np.array(oneHot).reshape([batchSize, classes]) }
  })
  const shapes = problem.parameters.map(({ shape }) => shape)

  const loss = (weights: Array_[], x: Array_, y: Array_): Array_ => {
    let signal = x
    for (let i = 0; i < weights.length; i += 2) {
      signal = np.matmul(signal, weights[i]!).add(weights[i + 1]!)
      if (i + 2 < weights.length) signal = nn.relu(signal)
    }
    return nn
      .logSoftmax(signal, -1)
      .mul(y)
      .sum()
      .mul(-1 / batchSize)
  }
  const update = jit((state: State, x: Array_, y: Array_): [State, Array_] => {
    const [value, gradients] = valueAndGrad(loss)(
      state.weights.map((w) => w.ref),
      x,
      y,
    )
    const norm = np.sqrt(gradients.map((g) => np.square(g.ref).sum()).reduce((a, b) => a.add(b)))
    const clip = np.minimum(1, np.array(clipNorm).div(norm))
    const steps = state.steps.add(1)
    const [debias1, debias2] = [beta1, beta2].map((beta) => np.array(1).sub(np.power(beta, steps.ref)))
    const next: State = { weights: [], first: [], second: [], steps }
    gradients.forEach((gradient, i) => {
      const g = gradient.mul(clip.ref)
      const first = state.first[i]!.mul(beta1).add(g.ref.mul(1 - beta1))
      const second = state.second[i]!.mul(beta2).add(np.square(g).mul(1 - beta2))
      const scale = np.sqrt(second.ref.div(debias2!.ref)).add(epsilon)
      next.weights.push(state.weights[i]!.sub(first.ref.div(debias1!.ref).mul(rate).div(scale)))
      next.first.push(first)
      next.second.push(second)
    })
    for (const used of [clip, debias1!, debias2!]) used.dispose()
    return [next, value]
  })

  let state: State = {
    weights: problem.weights.map((values, i) => np.array(values).reshape(shapes[i]!)),
    first: shapes.map((shape) => np.zeros(shape)),
    second: shapes.map((shape) => np.zeros(shape)),
    steps: np.array(0),
  }
  return async (index, readLoss) => {
    const { x, y } = data[index % batches]!
    const [next, value] = update(state, x.ref, y.ref)
    state = await blockUntilReady(next)
    if (readLoss) return (await value.data())[0]
    value.dispose()
    return undefined
  }
}

async function start(): Promise<Contestant> {
  const entry = resolvePeer('@jax-js/jax').replace(/\.cjs$/, '.js')
  const jax = (await import(pathToFileURL(entry).href)) as Jax
  if (!(await jax.init('wasm')).includes('wasm')) throw new Error('its wasm device did not start')
  jax.defaultDevice('wasm')
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')) as { version: string }
  let step: Step
  return {
    about: { version, device: 'wasm' },
    async prepare(problem) {
      const losses = await check(build(jax, problem, problem.checkLearningRate), problem.checkSteps)
      step = build(jax, problem, problem.learningRate)
      return { losses }
    },
    run: (steps) => time(step, steps),
  }
}

await serve(start)
