import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createReference } from '../../src/kernels/reference.ts'
import type { ActivationName } from '../../src/kernels/kernels.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import { normalAt } from '../../src/random/normal.ts'
import { lowerNetwork, runNetwork } from './network.ts'

const ROWS = 8
const INPUTS = 6

function network(layers: LayerConfig[], seed: number, Floats: typeof Float32Array | typeof Float64Array, scale = 0.6) {
  const floats = new Floats(20_000)
  const k = createReference(floats)
  const net = lowerNetwork(layers, INPUTS, ROWS, 0)
  for (let i = 0; i < ROWS * INPUTS; i++) floats[net.x + i] = normalAt(seed, 0, i)
  let draw = 0
  for (const { at, size } of net.parameters.values()) {
    for (let i = 0; i < size; i++) floats[at + i] = scale * normalAt(seed, 1, draw++)
  }
  return { floats, k, net }
}

const dot = (floats: Float32Array | Float64Array, a: number, b: number, n: number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += floats[a + i]! * floats[b + i]!
  return sum
}

const piecewiseLinear = fc.constantFrom<ActivationName>('relu', 'leakyRelu', 'linear')
const widths = fc.array(fc.integer({ min: 2, max: 8 }), { minLength: 1, maxLength: 5 })
const seeds = fc.integer({ min: 0, max: 2 ** 31 })

describe('autograd', () => {
  it.each([
    ['float64', Float64Array, 1e-12],
    ['float32', Float32Array, 1e-4],
  ] as const)(
    "holds Euler's identity in %s: <W, dL/dW> is the same for every layer of a bias-free homogeneous net, and equal to <y, dL/dy>",
    (_name, Floats, tolerance) => {
      fc.assert(
        fc.property(widths, piecewiseLinear, fc.boolean(), seeds, (units, type, withPrelu, seed) => {
          const layers: LayerConfig[] = units.flatMap((n): LayerConfig[] => [
            { type: 'dense', units: n, useBias: false, activation: { type } },
            ...(withPrelu ? [{ type: 'prelu' } as const] : []),
          ])
          const { floats, k, net } = network(layers, seed, Floats)
          const n = ROWS * net.model.outputs
          const dy = Float64Array.from({ length: n }, (_, i) => normalAt(seed, 2, i))
          net.lowered.forward(k, 0, ROWS, net.pass)
          let expected = 0
          let size = 0
          for (let i = 0; i < n; i++) {
            expected += floats[net.y + i]! * Math.fround(dy[i]!)
            size += Math.abs(floats[net.y + i]! * dy[i]!)
          }
          for (let i = 0; i < n; i++) dy[i] = Math.fround(dy[i]!)
          runNetwork(k, net, ROWS, ROWS, dy, floats)
          for (const [name, p] of net.parameters) {
            if (!name.endsWith('kernel')) continue
            const inner = dot(floats, p.at, p.gradient, p.size)
            expect(Math.abs(inner - expected)).toBeLessThanOrEqual(tolerance * Math.max(size, 1e-30))
          }
        }),
        { numRuns: 60 },
      )
    },
  )

  it('gives exactly zero gradients below a layer that is dead on the whole batch', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const layers: LayerConfig[] = [
          { type: 'dense', units: 5, activation: { type: 'tanh' } },
          { type: 'dense', units: 4, activation: { type: 'relu' } },
          { type: 'dense', units: 3 },
        ]
        const { floats, k, net } = network(layers, seed, Float64Array)
        const dead = net.parameters.get('dense_2/bias')!
        floats.fill(-1e6, dead.at, dead.at + dead.size)
        const dy = Float64Array.from({ length: ROWS * 3 }, (_, i) => normalAt(seed, 2, i))
        runNetwork(k, net, ROWS, ROWS, dy, floats)
        for (const name of ['dense_1/kernel', 'dense_1/bias', 'dense_2/kernel', 'dense_2/bias']) {
          const { gradient, size } = net.parameters.get(name)!
          for (let i = 0; i < size; i++) expect(Math.abs(floats[gradient + i]!)).toBe(0)
        }
        const last = net.parameters.get('dense_3/bias')!
        expect(floats.slice(last.gradient, last.gradient + last.size).some((g) => g !== 0)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('scales with the loss, bit for bit, by powers of two', () => {
    fc.assert(
      fc.property(widths, seeds, fc.integer({ min: -20, max: 20 }), (units, seed, power) => {
        const layers: LayerConfig[] = units.map((n) => ({ type: 'dense', units: n, activation: { type: 'tanh' } }))
        const { floats, k, net } = network(layers, seed, Float32Array)
        const dy = Float32Array.from({ length: ROWS * net.model.outputs }, (_, i) => normalAt(seed, 2, i))
        const gradients = (scale: number) => {
          runNetwork(
            k,
            net,
            ROWS,
            ROWS,
            dy.map((g) => g * scale),
            floats,
          )
          return [...net.parameters.values()].map((p) => floats.slice(p.gradient, p.gradient + p.size))
        }
        const factor = 2 ** power
        const scaled = gradients(1).map((g) => g.map((value) => value * factor))
        expect(gradients(factor)).toEqual(scaled)
      }),
      { numRuns: 40 },
    )
  })
})
