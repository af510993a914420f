/** A whole training written out with the bare kernels: what the trainer must come to as well. */
import { describe, expect, it } from 'vitest'
import { Activation, Loss } from '../../src/kernels/kernels.ts'
import type { Pointer } from '../../src/kernels/kernels.ts'
import { applyUpdate, initialState } from '../../src/optim/optimizers.ts'
import { golden } from '../golden/values.ts'
import { machines, workspace } from './machines.ts'
import type { Machine } from './machines.ts'

const training = golden('training')
const { widths, rows, optimizer, maxNorm, batches, initial } = training

interface Layer {
  inputs: number
  outputs: number
  activation: (typeof Activation)[keyof typeof Activation]
  kernel: Pointer
  bias: Pointer
  gradKernel: Pointer
  gradBias: Pointer
  y: Pointer
  dy: Pointer
}

function train(machine: Machine) {
  const { kernels } = machine
  const memory = workspace(machine)
  const names = Object.keys(initial)
  const count = names.reduce((sum, name) => sum + initial[name]!.length, 0)
  const parameters = memory.put(names.flatMap((name) => initial[name]!))
  const gradient = memory.space(count)
  const slots = initialState(optimizer).map((value) => memory.space(count, value))
  const weights = memory.put(Array<number>(rows).fill(1))
  const inputs = batches.map((batch) => ({ x: memory.put(batch.x), labels: memory.put(batch.labels) }))

  let offset = 0
  const layers = [Activation.relu, Activation.tanh, Activation.linear].map((activation, i): Layer => {
    const [inputs, outputs] = [widths[i]!, widths[i + 1]!]
    const [kernel, bias] = [offset, offset + inputs * outputs]
    offset = bias + outputs
    return {
      inputs,
      outputs,
      activation,
      kernel: parameters + kernel,
      bias: parameters + bias,
      gradKernel: gradient + kernel,
      gradBias: gradient + bias,
      y: memory.space(rows * outputs),
      dy: memory.space(rows * outputs),
    }
  })
  const last = layers.at(-1)!
  const loss: number[] = []
  const norm: number[] = []

  for (let step = 0; step < training.loss.length; step++) {
    const batch = inputs[step % inputs.length]!
    const inputOf = (i: number): Pointer => (i === 0 ? batch.x : layers[i - 1]!.y)

    layers.forEach(({ inputs, outputs, activation, kernel, bias, y }, i) => {
      kernels.matmul(false, false, rows, outputs, inputs, inputOf(i), inputs, kernel, outputs, y, outputs, false)
      kernels.biasActivate(activation, rows, outputs, y, outputs, bias, 0)
    })
    const kind = Loss.sparseCategoricalCrossentropy
    const sum = kernels.loss(kind, rows, last.outputs, last.y, batch.labels, weights, last.dy, 0, 0)
    for (let i = layers.length - 1; i >= 0; i--) {
      const { inputs, outputs, activation, kernel, gradKernel, gradBias, y, dy } = layers[i]!
      kernels.activateBackward(activation, 1, rows * outputs, 0, y, dy, dy, 0)
      kernels.matmul(true, false, inputs, outputs, rows, inputOf(i), inputs, dy, outputs, gradKernel, outputs, false)
      kernels.columnSums(rows, outputs, dy, gradBias, false)
      if (i === 0) continue
      const below = layers[i - 1]!.dy
      kernels.matmul(false, true, rows, inputs, outputs, dy, outputs, kernel, outputs, below, inputs, false)
    }
    // The gradient so far is a sum over rows; the mean and the clip come in as one factor.
    const gradNormBeforeClip = Math.sqrt(kernels.sumSquares(1, count, gradient, 0)) / rows
    const scale = Math.min(1, maxNorm / (gradNormBeforeClip + 1e-6)) / rows
    const [m, v] = slots
    const { learningRate } = optimizer
    applyUpdate(kernels, optimizer, count, parameters, gradient, m!, v!, scale, Infinity, learningRate, step + 1)
    loss.push(sum / rows)
    norm.push(gradNormBeforeClip)
  }
  return { loss, norm, final: memory.read(parameters, count) }
}

describe.each(machines)('20 steps of 6-9(relu)-5(tanh)-3 with clipping and Adam on $name', (machine) => {
  // Rounding of 20 steps adds up, and Adam magnifies it where a gradient is close to 0.
  const bound = machine.floats instanceof Float64Array ? 1e-8 : 5e-6
  const result = train(machine)
  const worst = (actual: readonly number[], wanted: readonly number[]): number =>
    Math.max(...wanted.map((value, i) => Math.abs(actual[i]! - value)))

  it('has the loss of PyTorch at every step', () => {
    expect(result.loss).toHaveLength(20)
    expect(worst(result.loss, training.loss)).toBeLessThanOrEqual(bound)
  })

  it('has the gradient norm of PyTorch at every step, above and below the clip', () => {
    expect(Math.min(...training.gradNormBeforeClip)).toBeLessThan(maxNorm)
    expect(Math.max(...training.gradNormBeforeClip)).toBeGreaterThan(maxNorm)
    expect(worst(result.norm, training.gradNormBeforeClip)).toBeLessThanOrEqual(bound)
  })

  it('ends at the parameters of PyTorch', () => {
    expect(worst(result.final, Object.values(training.final).flat())).toBeLessThanOrEqual(bound)
  })
})
