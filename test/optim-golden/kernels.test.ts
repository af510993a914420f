/** Layers' and losses' arithmetic against PyTorch's. */
import { describe, expect, it } from 'vitest'
import { Activation, Loss } from '../../src/kernels/kernels.ts'
import { golden } from '../golden/values.ts'
import { expectGolden, machines, workspace } from './machines.ts'

describe.each(machines)('$name agrees with PyTorch', (machine) => {
  const { kernels } = machine

  it('on a dense layer: y = x W + b, dx = dy W^T, dW = x^T dy, db = column sums of dy', () => {
    const { rows, inputs, outputs, ...wanted } = golden('dense')
    const memory = workspace(machine)
    const [x, kernel, bias, dy] = [wanted.x, wanted.kernel, wanted.bias, wanted.dy].map(memory.put)
    const [y, dx] = [memory.space(rows * outputs), memory.space(rows * inputs)]
    const [dkernel, dbias] = [memory.space(inputs * outputs), memory.space(outputs)]

    kernels.matmul(false, false, rows, outputs, inputs, x!, inputs, kernel!, outputs, y, outputs, false)
    kernels.biasActivate(Activation.linear, rows, outputs, y, outputs, bias!, 1)
    kernels.matmul(false, true, rows, inputs, outputs, dy!, outputs, kernel!, outputs, dx, inputs, false)
    kernels.matmul(true, false, inputs, outputs, rows, x!, inputs, dy!, outputs, dkernel, outputs, false)
    kernels.columnSums(rows, outputs, dy!, dbias, false)

    expectGolden(machine, 'y', memory.read(y, rows * outputs), wanted.y)
    expectGolden(machine, 'dx', memory.read(dx, rows * inputs), wanted.dx)
    expectGolden(machine, 'dkernel', memory.read(dkernel, inputs * outputs), wanted.dkernel)
    expectGolden(machine, 'dbias', memory.read(dbias, outputs), wanted.dbias)
  })

  it.each(golden('activations').cases)('on $kind (alpha $alpha) and its derivative, from -80 to 80', (wanted) => {
    const inputs = golden('activations')
    const memory = workspace(machine)
    const [x, dy] = [memory.put(inputs.x), memory.put(inputs.dy)]
    const count = inputs.x.length
    const [y, dx] = [memory.space(count), memory.space(count)]
    const kind = Activation[wanted.kind]

    kernels.activate(kind, count, x, y, wanted.alpha)
    // Of gelu the slope is kept, in the place of x.
    if (wanted.kind === 'gelu') kernels.geluWithSlope(count, x, y)
    kernels.activateBackward(kind, 1, count, 0, wanted.kind === 'gelu' ? x : y, dy, dx, wanted.alpha)

    expectGolden(machine, 'y', memory.read(y, count), wanted.y)
    expectGolden(machine, 'dx', memory.read(dx, count), wanted.dx)
  })

  it('on prelu with a slope for each channel, and the gradient of the slopes', () => {
    const { rows, cols, ...wanted } = golden('prelu')
    const memory = workspace(machine)
    const [x, slopes, dy] = [memory.put(wanted.x), memory.put(wanted.slopes), memory.put(wanted.dy)]
    const [y, dx, dslopes] = [memory.space(rows * cols), memory.space(rows * cols), memory.space(cols)]

    kernels.prelu(rows, cols, x, slopes, y)
    kernels.preluBackward(rows, cols, x, slopes, dy, dx)
    kernels.preluSlopes(rows, cols, x, dy, dslopes, false)

    expectGolden(machine, 'y', memory.read(y, rows * cols), wanted.y)
    expectGolden(machine, 'dx', memory.read(dx, rows * cols), wanted.dx)
    expectGolden(machine, 'dslopes', memory.read(dslopes, cols), wanted.dslopes)
  })

  it.each(golden('losses').cases)('on the weighted sum of $kind ($parameter) and its gradient', (wanted) => {
    const { rows, cols, weights: rowWeights } = golden('losses')
    const memory = workspace(machine)
    const outputs = memory.put(wanted.outputs)
    const targets = memory.put(wanted.targets)
    const weights = memory.put(rowWeights)
    const gradient = memory.space(rows * cols)
    const kind = Loss[wanted.kind]

    const sum = kernels.loss(
      kind,
      rows,
      cols,
      outputs,
      targets,
      weights,
      gradient,
      wanted.parameter,
      wanted.second ?? 0,
    )
    const sumAlone = kernels.loss(kind, rows, cols, outputs, targets, weights, -1, wanted.parameter, wanted.second ?? 0)

    expectGolden(machine, 'sum', [sum], [wanted.sum])
    expect(sumAlone).toBe(sum)
    expectGolden(machine, 'gradient', memory.read(gradient, rows * cols), wanted.gradient)
  })
})
