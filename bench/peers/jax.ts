/**
 * jax-js as a contestant: on its wasm device (in Node the fastest there is; its threads need the Worker of a browser),
 * jit-compiled: the step as one function or in three, whichever is faster. An array is used up by the
 * call it is passed to; `.ref` keeps it. node bench/peers/jax.ts
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolvePeer } from './packages.ts'
import type { Adam, LoadedProblem } from './problem.ts'
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
/** How it is compiled is chosen by so many steps each. */
const TRIAL_STEPS = 5

type State = { weights: Array_[]; first: Array_[]; second: Array_[] }

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
    minimum(a: Array_ | number, b: Array_): Array_
  }
}

function build(jax: Jax, problem: LoadedProblem, adam: Adam, inOne: boolean): Step {
  const { jit, valueAndGrad, blockUntilReady, nn, numpy: np } = jax
  const { features, batchSize, batches, clipNorm } = problem
  const classes = problem.widths!.at(-1)!
  const { learningRate, beta1, beta2, epsilon } = adam
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
  const gradient = valueAndGrad(loss)
  const coefficient = (gradients: Array_[]): Array_ => {
    const norm = np.sqrt(gradients.map((g) => np.square(g).sum()).reduce((a, b) => a.add(b)))
    return np.minimum(1, np.array(clipNorm).div(norm))
  }
  const update = (state: State, gradients: Array_[], clip: Array_, debias1: Array_, debias2: Array_): State => {
    const next: State = { weights: [], first: [], second: [] }
    gradients.forEach((raw, i) => {
      const g = raw.mul(clip.ref)
      const first = state.first[i]!.mul(beta1).add(g.ref.mul(1 - beta1))
      const second = state.second[i]!.mul(beta2).add(np.square(g).mul(1 - beta2))
      const scale = np.sqrt(second.ref.mul(debias2.ref)).add(epsilon)
      next.weights.push(state.weights[i]!.sub(first.ref.mul(debias1.ref).mul(learningRate).div(scale)))
      next.first.push(first)
      next.second.push(second)
    })
    for (const used of [clip, debias1, debias2]) used.dispose()
    return next
  }
  const kept = (arrays: Array_[]) => arrays.map((values) => values.ref)
  const stepInOne = jit((state: State, x: Array_, y: Array_, debias1: Array_, debias2: Array_): [State, Array_] => {
    const [value, gradients] = gradient(kept(state.weights), x, y)
    return [update(state, gradients, coefficient(kept(gradients)), debias1, debias2), value]
  })
  const parts = { gradient: jit(gradient), coefficient: jit(coefficient), update: jit(update) }
  const stepInParts: typeof stepInOne = (state, x, y, debias1, debias2) => {
    const [value, gradients] = parts.gradient(kept(state.weights), x, y)
    const clip = parts.coefficient(kept(gradients))
    return [parts.update(state, gradients, clip, debias1, debias2), value]
  }
  const train = inOne ? stepInOne : stepInParts

  let steps = 0
  let state: State = {
    weights: problem.weights.map((values, i) => np.array(values).reshape(shapes[i]!)),
    first: shapes.map((shape) => np.zeros(shape)),
    second: shapes.map((shape) => np.zeros(shape)),
  }
  return async (index, readLoss) => {
    const { x, y } = data[index % batches]!
    steps++
    // On the host: inside the compiled function they would be computed again for every weight.
    const [debias1, debias2] = [beta1, beta2].map((beta) => np.array(1 / (1 - beta ** steps)))
    const [next, value] = train(state, x.ref, y.ref, debias1!, debias2!)
    state = next
    // One array is enough: with it all of the call's work is done. To wait for each one costs more than the work.
    await blockUntilReady(next.weights[0]!)
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
      const losses = await check(build(jax, problem, problem.check, false), problem.checkSteps)
      const micros: number[] = []
      const variants = [true, false].map((inOne) => build(jax, problem, problem.timed, inOne))
      for (const variant of variants) {
        await time(variant, 2)
        micros.push((await time(variant, TRIAL_STEPS)).micros)
      }
      const inOne = micros[0]! < micros[1]!
      step = variants[inOne ? 0 : 1]!
      return { losses, note: inOne ? 'one jit' : 'three jits' }
    },
    run: (steps) => time(step, steps),
  }
}

await serve(start)
