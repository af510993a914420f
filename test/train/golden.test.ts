/** A whole training, residual blocks and metrics against the values that PyTorch gave. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { createReference } from '../../src/kernels/reference.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { golden } from '../golden/values.ts'
import { lowerNetwork, runNetwork } from '../model/network.ts'

const crew = new Crew(2)
afterAll(() => crew.close())

/** Their names to ours: kernel2 is dense_2/kernel. */
const ours = (name: string): string => name.replace(/^(kernel|bias)(\d)$/, 'dense_$2/$1')

describe.each(['reference', 'wasm-strict', 'wasm'] as const)('20 steps of training on %s', (kernels) => {
  const { widths, rows, batches, initial, optimizer, maxNorm, loss, gradNormBeforeClip, final } = golden('training')
  const data: Dataset = {
    rows: rows * batches.length,
    features: widths[0]!,
    targets: 1,
    x: Float32Array.from(batches.flatMap(({ x }) => x)),
    y: Float32Array.from(batches.flatMap(({ labels }) => labels)),
  }
  const config: Config = {
    epochs: 20 / batches.length,
    batchSize: rows,
    shuffle: false,
    kernels,
    optimizer,
    clip: maxNorm,
    model: {
      layers: [
        { type: 'dense', units: widths[1]!, activation: 'relu' },
        { type: 'dense', units: widths[2]!, activation: 'tanh' },
        { type: 'dense', units: widths[3]! },
      ],
    },
  }

  it('follows PyTorch in loss, gradient norm and parameters', async () => {
    const trainer = await Trainer.create(config, { crew })
    await trainer.build(data)
    trainer.setWeights(
      Object.fromEntries(Object.entries(initial).map(([name, values]) => [ours(name), Float32Array.from(values)])),
    )
    const { steps, history } = await trainer.fit(data)
    expect(steps.length).toBe(20)

    // They clip by max / (norm + 1e-6), we by max / norm: a gradient longer by up to 1e-6 of itself, which Adam, being
    // scale-free but for its epsilon and the mix of clipped and unclipped steps, passes on by less than that. The rest is float32.
    const near = (value: number, expected: number, scale: number) =>
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(4e-6 * scale)
    steps.loss.forEach((value, step) => near(value, loss[step]!, 1))
    steps.gradNorm.forEach((value, step) => near(value, gradNormBeforeClip[step]!, 1))
    const weights = trainer.getWeights()
    expect(Object.keys(weights).sort()).toEqual(Object.keys(final).map(ours).sort())
    for (const [name, expected] of Object.entries(final)) {
      const values = weights[ours(name)]!
      expect(values).toHaveLength(expected.length)
      values.forEach((value, i) => near(value, expected[i]!, 1))
    }

    const clipped = gradNormBeforeClip.map((norm) => Math.min(norm, maxNorm))
    expect(clipped).toContain(maxNorm)
    expect(clipped.some((norm) => norm < maxNorm)).toBe(true)
    steps.gradNormAfterClip.forEach((value, step) => near(value, clipped[step]!, 1))
    // Batches of equal size: an epoch's loss is their mean.
    history.loss!.forEach((value, epoch) => {
      const mean = loss.slice(4 * epoch, 4 * epoch + 4).reduce((sum, l) => sum + l / 4, 0)
      near(value, mean, 1)
    })
  })
})

describe.each([
  ['float64', Float64Array, 1e-8],
  ['float32', Float32Array, 2e-6],
] as const)('a residual block in %s', (_name, Floats, tolerance) => {
  it.each(
    golden('residual').map((block) => ['shortcut' in block.parameters ? 'projection' : 'identity', block] as const),
  )(
    'with shortcut by %s gives their outputs, back-signals and gradients',
    (_shortcut, { rows, inputs, hidden, outputs, x, dy, y, dx, parameters, gradients }) => {
      const block: LayerConfig = {
        type: 'residual',
        layers: [
          { type: 'dense', units: hidden, activation: { type: 'relu' } },
          { type: 'dense', units: outputs },
        ],
      }
      const name = (theirs: string) => `residual_1/${ours(theirs)}`
      const floats = new Floats(4096)
      const net = lowerNetwork([block], inputs, rows, 0)
      expect(net.end).toBeLessThanOrEqual(floats.length)
      floats.set(x, net.x)
      expect([...net.parameters.keys()].sort()).toEqual(Object.keys(parameters).map(name).sort())
      for (const [theirs, values] of Object.entries(parameters))
        floats.set(values, net.parameters.get(name(theirs))!.at)
      runNetwork(createReference(floats), net, rows, 2, dy, floats)

      const near = (at: number, expected: readonly number[]) => {
        const scale = Math.max(...expected.map(Math.abs))
        expect(scale).toBeGreaterThan(0)
        expected.forEach((value, i) => expect(Math.abs(floats[at + i]! - value)).toBeLessThanOrEqual(tolerance * scale))
      }
      near(net.y, y)
      near(net.dx, dx)
      for (const [theirs, values] of Object.entries(gradients)) near(net.parameters.get(name(theirs))!.gradient, values)
    },
  )
})
