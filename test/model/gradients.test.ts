import { describe, expect, it } from 'vitest'
import { createReference } from '../../src/kernels/reference.ts'
import type { LoweredLayer } from '../../src/model/layer.ts'
import { matrixOf } from '../../src/model/shape.ts'
import { sequence } from '../../src/model/layers/sequence.ts'
import { normalAt } from '../../src/random/normal.ts'
import { forwardNetwork, lowerNetwork, rowSize, runNetwork } from './network.ts'
import { loadOwn } from '../../src/model/own.ts'
import { layerSamples } from './samples.ts'

/** A layer worked off in tiles of 2 rows x 3 columns. */
function tiled(layer: LoweredLayer): LoweredLayer {
  const { inputs, outputs, ...byTile } = layer.byTile!
  const each = (rows: number, cols: number, run: (row: number, rows: number, col: number, colEnd: number) => void) => {
    for (let row = 0; row < rows; row += 2) {
      for (let col = 0; col < cols; col += 3) run(row, Math.min(2, rows - row), col, Math.min(cols, col + 3))
    }
  }
  return {
    ...layer,
    forward: (k, _row, rows) => each(rows, outputs, (...tile) => byTile.forward(k, ...tile)),
    backward: (k, _row, rows) => each(rows, inputs, (...tile) => byTile.backward(k, ...tile)),
  }
}

const ROWS = 5
const STEP = 1e-5

/** Central differences in float64 err by O(step^2) = 1e-10 and by rounding 1e-16 / step = 1e-11. */
const TOLERANCE = 2e-8

await loadOwn({ layers: layerSamples.flatMap(([, , layers]) => layers) })

describe.each(layerSamples)('%s', (_name, inputShape, layers, indices) => {
  const inputs = rowSize(inputShape)
  const floats = new Float64Array(60_000)
  const k = createReference(floats)
  const net = lowerNetwork(layers, inputShape, ROWS, 0)
  // Normal draws keep clear of the kinks at 0 by chance; the smallest |z| of these samples is far above the step.
  for (let i = 0; i < ROWS * inputs; i++) floats[net.x + i] = indices > 0 ? (7 * i) % indices : normalAt(1, 0, i)
  let draw = 0
  for (const [name, { at, size }] of net.parameters) {
    const draws = Array.from({ length: size }, () => 0.5 * normalAt(1, 1, draw++))
    floats.set(name.endsWith('movingVariance') ? draws.map((value) => 0.5 + value * value) : draws, at)
  }
  const outputs = ROWS * net.model.outputs
  const dy = Float64Array.from({ length: outputs }, (_, i) => normalAt(1, 2, i))

  /** L = sum of dy * y, so that dL/dy = dy. */
  const lossAt = (at: number, value: number): number => {
    const old = floats[at]!
    floats[at] = value
    forwardNetwork(k, net, ROWS, ROWS)
    let sum = 0
    for (let i = 0; i < outputs; i++) sum += dy[i]! * floats[net.y + i]!
    floats[at] = old
    return sum
  }
  const difference = (at: number) => (lossAt(at, floats[at]! + STEP) - lossAt(at, floats[at]! - STEP)) / (2 * STEP)

  const why = indices > 0 ? ' (skipped: its inputs are indices, which have no gradient)' : ''
  it.skipIf(indices > 0)(`its back-signal to the input agrees with finite differences${why}`, () => {
    runNetwork(k, net, ROWS, ROWS, dy, floats)
    const analytic = floats.slice(net.dx, net.dx + ROWS * inputs)
    expect(analytic.some((value) => value !== 0)).toBe(true)
    analytic.forEach((value, i) => expect(Math.abs(value - difference(net.x + i))).toBeLessThan(TOLERANCE))
  })

  it('its parameter gradients agree with finite differences', () => {
    runNetwork(k, net, ROWS, ROWS, dy, floats)
    const learned = net.model.parameters.filter(({ role }) => role === undefined)
    for (const { name } of learned) {
      const { at, gradient, size } = net.parameters.get(name)!
      const analytic = floats.slice(gradient, gradient + size)
      analytic.forEach((value, i) => expect(Math.abs(value - difference(at + i))).toBeLessThan(TOLERANCE))
    }
  })

  // Where a layer may spend it, it does.
  it.runIf(!net.lowered.output.spendsSignal)('leaves the back-signal of its output as it is', () => {
    runNetwork(k, net, ROWS, ROWS, dy, floats)
    expect(floats.slice(net.dy, net.dy + outputs)).toEqual(dy)
  })

  // Of networks that have layers worked off so.
  it.runIf(net.lowered.parts?.some((part) => part.byTile))('gives the same bits by tiles as by rows', () => {
    const run = (byTile: boolean) => {
      floats.fill(NaN, net.dx, net.dx + ROWS * inputs)
      const layers = (net.lowered.parts ?? []).map((part) => (byTile && part.byTile ? tiled(part) : part))
      runNetwork(k, { ...net, lowered: { ...net.lowered, ...sequence(layers) } }, ROWS, ROWS, dy, floats)
      return [floats.slice(net.dx, net.dx + ROWS * inputs), floats.slice(net.y, net.y + outputs)]
    }
    expect(run(true)).toEqual(run(false))
  })

  const isShared = layers.some(({ type }) => type === 'shared')
  it('gives the same gradients of parameters by tiles and in parts of the batch as at once', () => {
    runNetwork(k, net, ROWS, ROWS, dy, floats)
    for (const task of net.lowered.gradients) {
      // No work of its own: what the row blocks summed is given once, to the first rows.
      if (task.flopsPerRow === 0) continue
      const { shape, uncut } = net.model.parameters.find(({ name }) => name === task.parameter)!
      const { gradient, size } = net.parameters.get(task.parameter)!
      const whole = floats.slice(gradient, gradient + size)
      floats.fill(NaN, gradient, gradient + size)
      const [rows, cols] = matrixOf(shape)
      const [height, width] = uncut || shape.length === 1 ? [rows, cols] : [2, 3]
      for (let row = 0; row < rows; row += height) {
        for (let col = 0; col < cols; col += width) {
          const tile = { row, rowEnd: Math.min(rows, row + height), col, colEnd: Math.min(cols, col + width) }
          task.run(k, 0, 2, tile, gradient, false, net.pass)
          task.run(k, 2, ROWS - 2, tile, gradient, true, net.pass)
        }
      }
      const parts = floats.slice(gradient, gradient + size)
      // Of a layer in several places, each place's gradient is summed before the next one's: parts of the batch reorder that.
      if (!isShared) expect(parts).toEqual(whole)
      else parts.forEach((value, i) => expect(Math.abs(value - whole[i]!)).toBeLessThan(1e-12))
    }
  })

  const wholeBatch = net.lowered.parts?.some((part) => part.barrier)
  it(`gives the same ${wholeBatch ? 'numbers, but for rounding,' : 'bits'} in row blocks of any size${wholeBatch ? ', and in shards' : ''}`, () => {
    const run = (block: number, shard = ROWS) => {
      floats.fill(NaN, net.dx, net.dx + ROWS * inputs)
      runNetwork(k, net, ROWS, block, dy, floats, shard)
      return [floats.slice(net.dx, net.dx + ROWS * inputs), floats.slice(net.y, net.y + outputs)]
    }
    const whole = run(ROWS)
    if (!wholeBatch) return [1, 2, 3].forEach((block) => expect(run(block)).toEqual(whole))
    // Shards of 2, 2 and 1 rows, and of 3 and 2.
    for (const [block, shard] of [
      [1, ROWS],
      [2, ROWS],
      [3, ROWS],
      [1, 2],
      [2, 3],
    ] as const) {
      run(block, shard).forEach((part, i) => part.forEach((value, j) => expect(value).toBeCloseTo(whole[i]![j]!, 11)))
    }
  })
})
