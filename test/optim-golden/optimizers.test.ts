import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pointer } from '../../src/kernels/kernels.ts'
import {
  applyUpdate,
  initialState,
  optimizerRules,
  optimizerTypes,
  stateSlots,
  withDefaults,
} from '../../src/optim/optimizers.ts'
import type { OptimizerConfig } from '../../src/optim/optimizers.ts'
import { power } from '../../src/optim/rules/adam.ts'
import { golden, goldenOptimizers } from '../golden/values.ts'
import { machines, workspace } from './machines.ts'
import type { Machine } from './machines.ts'

const { initial, gradients } = golden('optimizer-inputs')
const count = initial.length

interface Run {
  /** Parameters after each step. */
  parameters: number[][]
  /** What `applyUpdate` returned at each step. */
  largest: number[]
}

function run(machine: Machine, config: OptimizerConfig, gradientScale = 1, scale = 1, clip = Infinity): Run {
  const memory = workspace(machine)
  const p = memory.put(initial)
  const slots: Pointer[] = initialState(config).map((value) => memory.space(count, value))
  const result: Run = { parameters: [], largest: [] }
  gradients.forEach((gradient, i) => {
    const g = memory.put(gradient.map((value) => value * gradientScale))
    const { learningRate } = config
    const [slot0 = -1, slot1 = -1] = slots
    result.largest.push(
      applyUpdate(machine.kernels, config, count, p, g, slot0, slot1, scale, clip, learningRate, i + 1),
    )
    result.parameters.push(memory.read(p, count))
  })
  return result
}

describe.each(machines)('$name', (machine) => {
  it.each(goldenOptimizers())('agrees with PyTorch over 20 steps of $name', ({ config, parameters }) => {
    const bound = machine.floats instanceof Float64Array ? 1e-9 : 1e-6
    const result = run(machine, config)
    // Relative to the largest value the parameter has had: a plain quotient means nothing where a parameter crosses 0.
    const largest = initial.map(Math.abs)
    let worst = 0
    parameters.forEach((wanted, step) =>
      wanted.forEach((value, i) => {
        largest[i] = Math.max(largest[i]!, Math.abs(value))
        const difference = Math.abs(result.parameters[step]![i]! - value)
        worst = Math.max(worst, difference === 0 ? 0 : difference / largest[i]!)
      }),
    )
    expect(parameters).toHaveLength(20)
    expect(worst).toBeLessThanOrEqual(bound)
  })

  it.each(goldenOptimizers())('returns the largest |parameter| after every step of $name', ({ config }) => {
    const { parameters, largest } = run(machine, config)
    expect(largest).toEqual(parameters.map((values) => Math.max(...values.map(Math.abs))))
  })

  it.each(goldenOptimizers())('uses gradient * scale in $name: 4 g at scale 1/4 is g, bit for bit', ({ config }) => {
    expect(run(machine, config, 4, 0.25)).toEqual(run(machine, config))
  })

  it.each(goldenOptimizers())('leaves a gradient inside the clip alone in $name, and not one outside', ({ config }) => {
    const largestGradient = Math.max(...gradients.flat().map(Math.abs))
    expect(run(machine, config, 1, 1, largestGradient)).toEqual(run(machine, config))
    expect(run(machine, config, 1, 1, largestGradient / 64)).not.toEqual(run(machine, config))
  })
})

describe('the rules', () => {
  it('name themselves in their defaults and keep one starting value for each slot, at most two', () => {
    expect(optimizerTypes.length).toBeGreaterThan(0)
    for (const type of optimizerTypes) {
      const { defaults } = optimizerRules[type]
      expect(defaults.type).toBe(type)
      expect(initialState(defaults)).toHaveLength(stateSlots(defaults).length)
      expect(stateSlots(defaults).length).toBeLessThanOrEqual(2)
    }
  })

  it('keep state only where it is used', () => {
    expect(stateSlots(withDefaults({ type: 'sgd' }))).toEqual([])
    expect(stateSlots(withDefaults({ type: 'sgd', momentum: 0.9 }))).toEqual(['velocity'])
    expect(stateSlots(withDefaults({ type: 'adam' }))).toEqual(['m', 'v'])
    expect(stateSlots(withDefaults({ type: 'adamw' }))).toEqual(['m', 'v'])
    expect(stateSlots(withDefaults({ type: 'rmsprop' }))).toEqual(['meanSquare'])
    expect(stateSlots(withDefaults({ type: 'rmsprop', momentum: 0.9 }))).toEqual(['meanSquare', 'velocity'])
    expect(initialState(withDefaults({ type: 'adagrad', initialAccumulator: 0.5 }))).toEqual([0.5])
  })

  it('fill in what the user leaves out, and nothing else', () => {
    expect(withDefaults({ type: 'adamw', learningRate: 0.5 })).toEqual({
      type: 'adamw',
      learningRate: 0.5,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
    })
  })

  it('are all held against PyTorch', () => {
    expect(new Set(goldenOptimizers().map(({ config }) => config.type))).toEqual(new Set(optimizerTypes))
  })
})

describe('power', () => {
  it('is base^exponent within 1e-13 of 1 for the decays and step counts of a training', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 10_000_000 }), (base, n) => {
        expect(Math.abs(power(base, n) - base ** n)).toBeLessThanOrEqual(1e-13)
      }),
    )
  })

  it('is exact where the numbers are: (1/2)^n', () => {
    for (let n = 0; n <= 1000; n++) expect(power(0.5, n)).toBe(2 ** -n)
  })

  it('goes to 0 beyond 2^31 steps', () => {
    expect(power(0.999, 2 ** 40)).toBe(0)
  })
})
