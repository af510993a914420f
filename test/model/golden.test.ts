/** Layers over rows of a shape against the values that PyTorch gave, on every kernel set. */
import { describe, expect, it } from 'vitest'
import { createReference } from '../../src/kernels/reference.ts'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { compileFor, createKernels, kernelAvailability, kernelNames, resolveKernels } from '../../src/kernels/select.ts'
import { scratchElements } from '../../src/kernels/wasm.ts'
import { loadOwn } from '../../src/model/own.ts'
import { goldenLayers } from '../golden/values.ts'
import type { GoldenLayer } from '../golden/values.ts'
import { lowerNetwork, runNetwork } from './network.ts'

/** The first 64 KiB are the kernels' own; then their scratch; then the network. */
const SCRATCH = 16_384
const START = SCRATCH + scratchElements
const ELEMENTS = START + 2 ** 18

function compare(k: Kernels, floats: Float32Array | Float64Array, golden: GoldenLayer, tolerance: number): void {
  const { inputShape, layers, rows, x, dy, y, dx, parameters, statistics, gradients } = golden
  const net = lowerNetwork(layers, inputShape, rows, START)
  expect(net.end).toBeLessThanOrEqual(floats.length)
  floats.set(x, net.x)
  expect([...net.parameters.keys()].sort()).toEqual(Object.keys(parameters).sort())
  for (const [name, values] of Object.entries(parameters)) floats.set(values, net.parameters.get(name)!.at)
  runNetwork(k, net, rows, 2, dy, floats)
  const near = (what: string, at: number, expected: readonly number[]) => {
    const scale = Math.max(...expected.map(Math.abs))
    expect(scale).toBeGreaterThan(0)
    expected.forEach((value, i) =>
      expect(Math.abs(floats[at + i]! - value), `${what}[${i}]`).toBeLessThanOrEqual(tolerance * scale),
    )
  }
  near('y', net.y, y)
  if (dx) near('dx', net.dx, dx)
  for (const [name, values] of Object.entries(statistics)) near(name, net.next.get(name)!, values)
  for (const [name, values] of Object.entries(gradients)) near(name, net.parameters.get(name)!.gradient, values)
}

await loadOwn({ layers: goldenLayers().flatMap(([, { layers }]) => layers) })

describe.each(goldenLayers())('%s', (_name, golden) => {
  it('agrees with PyTorch in float64', () => {
    const floats = new Float64Array(ELEMENTS)
    compare(createReference(floats), floats, golden, 1e-8)
  })

  for (const name of kernelNames) {
    const availability = kernelAvailability(name)
    const why = availability.available ? '' : ` (skipped: ${availability.reason})`
    it.skipIf(!availability.available)(`agrees with PyTorch on ${name}${why}`, async () => {
      const memory = new WebAssembly.Memory({ initial: ELEMENTS / 16_384, maximum: 65_536, shared: true })
      const choice = resolveKernels(name)
      const kernels = createKernels(choice, compileFor(choice), memory, SCRATCH)
      compare(kernels, new Float32Array(memory.buffer), golden, 4e-6)
    })
  }
})
