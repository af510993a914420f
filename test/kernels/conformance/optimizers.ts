import { expect, test } from 'vitest'
import type { Kernels } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { MakeBench } from './bench.ts'
import { expectSame, numbers } from './bench.ts'

const COUNT = 23
const STEPS = 20

/** One step of a rule on p, g and two state arrays at the given places; `step` counts from 1. */
type Rule = (k: Kernels, p: number, g: number, s: number, v: number, step: number) => number

const lr = 0.05
const rules: Record<string, Rule> = {
  'sgd plain': (k, p, g, s) => k.sgd(COUNT, p, g, s, 1, Infinity, lr, 0, false, 0),
  'sgd momentum': (k, p, g, s) => k.sgd(COUNT, p, g, s, 0.5, Infinity, lr, 0.9, false, 0),
  'sgd nesterov, decay, clip': (k, p, g, s) => k.sgd(COUNT, p, g, s, 1, 0.6, lr, 0.9, true, 0.01),
  adam: (k, p, g, s, v, t) =>
    k.adam(COUNT, p, g, s, v, 1, Infinity, lr, 0.9, 0.999, 1e-8, 0, false, 1 - 0.9 ** t, 1 - 0.999 ** t),
  'adam, coupled decay': (k, p, g, s, v, t) =>
    k.adam(COUNT, p, g, s, v, 0.5, 0.7, lr, 0.8, 0.99, 1e-6, 0.01, false, 1 - 0.8 ** t, 1 - 0.99 ** t),
  'adamw, decoupled decay': (k, p, g, s, v, t) =>
    k.adam(COUNT, p, g, s, v, 1, Infinity, lr, 0.9, 0.999, 1e-8, 0.01, true, 1 - 0.9 ** t, 1 - 0.999 ** t),
  rmsprop: (k, p, g, s, v) => k.rmsprop(COUNT, p, g, s, v, 1, Infinity, lr, 0.99, 1e-8, 0, 0),
  'rmsprop, momentum, decay': (k, p, g, s, v) => k.rmsprop(COUNT, p, g, s, v, 1, 0.8, lr, 0.9, 1e-7, 0.9, 0.01),
  adagrad: (k, p, g, s) => k.adagrad(COUNT, p, g, s, 1, Infinity, lr, 1e-10, 0),
  'adagrad, decay': (k, p, g, s) => k.adagrad(COUNT, p, g, s, 2, 1, lr, 1e-10, 0.01),
}

/** The rules of the interface once more, word for word in float64, as the oracle of the oracle. */
interface State {
  p: number
  s: number
  v: number
}
const clamp = (g: number, clip: number) => Math.min(Math.max(g, -clip), clip)
function adamExact(scale: number, clip: number, b1: number, b2: number, eps: number, wd: number, decoupled: boolean) {
  return (state: State, g0: number, t: number): State => {
    let { p } = state
    let g = clamp(g0 * scale, clip)
    if (decoupled) p -= lr * wd * p
    else g += wd * p
    const s = b1 * state.s + (1 - b1) * g
    const v = b2 * state.v + (1 - b2) * g ** 2
    return { p: p - ((lr / (1 - b1 ** t)) * s) / (Math.sqrt(v) / Math.sqrt(1 - b2 ** t) + eps), s, v }
  }
}
function sgdExact(scale: number, clip: number, momentum: number, nesterov: boolean, wd: number) {
  return ({ p, s, v }: State, g0: number): State => {
    const d = clamp(g0 * scale, clip) + wd * p
    if (momentum === 0) return { p: p - lr * d, s, v }
    const velocity = momentum * s + d
    return { p: p - lr * (nesterov ? d + momentum * velocity : velocity), s: velocity, v }
  }
}
function rmspropExact(clip: number, rho: number, eps: number, momentum: number, wd: number) {
  return (state: State, g0: number): State => {
    const g = clamp(g0, clip) + wd * state.p
    const s = rho * state.s + (1 - rho) * g ** 2
    const d = g / (Math.sqrt(s) + eps)
    const v = momentum === 0 ? state.v : momentum * state.v + d
    return { p: state.p - lr * (momentum === 0 ? d : v), s, v }
  }
}
function adagradExact(scale: number, clip: number, wd: number) {
  return ({ p, s, v }: State, g0: number): State => {
    const g = clamp(g0 * scale, clip) + wd * p
    return { p: p - (lr * g) / (Math.sqrt(s + g ** 2) + 1e-10), s: s + g ** 2, v }
  }
}
const exact: Record<string, (state: State, g: number, step: number) => State> = {
  'sgd plain': sgdExact(1, Infinity, 0, false, 0),
  'sgd momentum': sgdExact(0.5, Infinity, 0.9, false, 0),
  'sgd nesterov, decay, clip': sgdExact(1, 0.6, 0.9, true, 0.01),
  adam: adamExact(1, Infinity, 0.9, 0.999, 1e-8, 0, false),
  'adam, coupled decay': adamExact(0.5, 0.7, 0.8, 0.99, 1e-6, 0.01, false),
  'adamw, decoupled decay': adamExact(1, Infinity, 0.9, 0.999, 1e-8, 0.01, true),
  rmsprop: rmspropExact(Infinity, 0.99, 1e-8, 0, 0),
  'rmsprop, momentum, decay': rmspropExact(0.8, 0.9, 1e-7, 0.9, 0.01),
  adagrad: adagradExact(1, Infinity, 0),
  'adagrad, decay': adagradExact(2, 1, 0.01),
}

const gradients = Array.from({ length: STEPS }, (_, step) => numbers(100 + step, COUNT, 1))

export function optimizersConformance(make: MakeBench): void {
  test.each(Object.keys(rules))('%s stays within 1e-6 of float64 over 20 steps', async (name) => {
    const bench = await make()
    bench.reset()
    const start = numbers(1, COUNT)
    const [p, s, v, g] = [
      bench.put(start),
      bench.put(new Float32Array(COUNT)),
      bench.put(new Float32Array(COUNT)),
      bench.room(COUNT),
    ]
    const after = bench.take(p + COUNT, 1)
    let states = Array.from(start, (value): State => ({ p: value, s: 0, v: 0 }))
    for (let step = 1; step <= STEPS; step++) {
      bench.floats.set(gradients[step - 1]!, g)
      const largest = rules[name]!(bench.kernels, p, g, s, v, step)
      states = states.map((state, i) => exact[name]!(state, gradients[step - 1]![i]!, step))
      const actual = bench.take(p, COUNT)
      expect(largest).toBe(Math.max(...actual.map(Math.abs)))
      // Relative to the size of a parameter's path: 20 steps of at most about `lr`, and where it began.
      actual.forEach((value, i) =>
        expect(Math.abs(value - states[i]!.p)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(states[i]!.p))),
      )
    }
    expectSame(bench.take(p + COUNT, 1), after)
    expectSame(bench.take(g, COUNT), gradients[STEPS - 1]!, 'gradient')
  })

  test.each(Object.keys(rules))('%s in float64 is the formula of the interface', (name) => {
    const floats = new Float64Array(COUNT * 4)
    const kernels = createReference(floats)
    floats.set(numbers(1, COUNT))
    let states = Array.from(floats.subarray(0, COUNT), (value): State => ({ p: value, s: 0, v: 0 }))
    for (let step = 1; step <= STEPS; step++) {
      floats.set(gradients[step - 1]!, COUNT)
      rules[name]!(kernels, 0, COUNT, 2 * COUNT, 3 * COUNT, step)
      states = states.map((state, i) => exact[name]!(state, gradients[step - 1]![i]!, step))
    }
    states.forEach((state, i) => expect(Math.abs(floats[i]! - state.p)).toBeLessThan(1e-14))
  })

  test('the returned size is of the given parameters alone: no padding of the last vector becomes 0 / 0', async () => {
    const bench = await make()
    bench.reset()
    const [p, g, s] = [bench.put([1, -2, 0.5]), bench.put([1, 1, 1]), bench.put([3, 3, 3])]
    // s = 3 + 1 = 4, p -= 1 * 1 / (2 + 0): 0.5, -2.5, 0.
    expect(bench.kernels.adagrad(3, p, g, s, 1, Infinity, 1, 0, 0)).toBe(2.5)
    expect(bench.take(p, 3)).toEqual([0.5, -2.5, 0])
  })

  test.each(Object.keys(rules))('%s: a NaN gradient makes its parameter and the returned size NaN', async (name) => {
    const bench = await make()
    bench.reset()
    const start = numbers(1, COUNT)
    const g = gradients[0]!.slice()
    g[COUNT - 2] = NaN
    const [p, s, v] = [bench.put(start), bench.put(new Float32Array(COUNT)), bench.put(new Float32Array(COUNT))]
    expect(rules[name]!(bench.kernels, p, bench.put(g), s, v, 1)).toBeNaN()
    bench.take(p, COUNT).forEach((value, i) => expect(Number.isNaN(value)).toBe(i === COUNT - 2))
  })
}
