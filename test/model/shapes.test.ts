/** Models that fit together, and what is said of those that do not: the layer, both shapes, the likely fix. */
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { buildModel } from '../../src/model/build.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import { sizeOf } from '../../src/model/shape.ts'

const shapesOf = (inputShape: readonly number[], layers: LayerConfig[]) =>
  buildModel({ inputShape, layers }, sizeOf(inputShape)).layers.map(({ shape }) => shape)

describe('shapes', () => {
  it('follow from layer to layer, channels last', () => {
    expect(
      shapesOf(
        [28, 28, 1],
        [
          { type: 'conv2d', filters: 16, kernelSize: 3, padding: 'same' },
          { type: 'maxPooling2d' },
          { type: 'conv2d', filters: 32, kernelSize: [3, 5], strides: [1, 2] },
          { type: 'dense', units: 8 },
          { type: 'flatten' },
          { type: 'dense', units: 10 },
        ],
      ),
    ).toEqual([[28, 28, 16], [14, 14, 16], [12, 5, 32], [12, 5, 8], [480], [10]])
  })

  it.each([
    // ceil(7 / 2) = 4 positions; (7 - 3) / 2 + 1 = 3; (7 + 2 - 3) / 2 + 1 = 4; (7 - 5) / 2 + 1 = 2 with dilation 2.
    ['same', 1, 4],
    ['valid', 1, 3],
    [1, 1, 4],
    [[[2, 0]], 1, 4],
    ['causal', 1, 4],
    ['valid', 2, 2],
  ] as const)(
    'of a window of 3 with strides of 2, padding %j, dilation %i over 7 steps: %i',
    (padding, dilationRate, steps) => {
      const layer: LayerConfig = { type: 'conv1d', filters: 2, kernelSize: 3, strides: 2, padding, dilationRate }
      expect(shapesOf([7, 1], [layer])).toEqual([[steps, 2]])
    },
  )

  it('of a reshape may leave one axis open', () => {
    expect(shapesOf([24], [{ type: 'reshape', targetShape: [2, -1, 3] }])).toEqual([[2, 4, 3]])
  })

  it('are the data’s one axis where nothing else is said', () => {
    expect(buildModel({ layers: [{ type: 'dense', units: 3 }] }, 5)).toMatchObject({
      inputShape: [5],
      outputShape: [3],
    })
  })
})

describe('what does not fit', () => {
  const cases: [string, readonly number[] | number, LayerConfig[], string][] = [
    [
      'images given as one axis',
      784,
      [{ type: 'conv2d', filters: 8, kernelSize: 3 }],
      'Layer `conv2d_1`: conv2d takes rows of shape [height, width, channels], got [784]. ' +
        "Set `model.inputShape` to the images' shape, such as [28, 28, 1], or put a reshape before it.",
    ],
    [
      'images without channels',
      [28, 28],
      [{ type: 'maxPooling2d' }],
      'Layer `maxPooling2d_1`: maxPooling2d takes rows of shape [height, width, channels], got [28, 28]. ' +
        'Use the 1d layer, or a reshape before it.',
    ],
    [
      'a window larger than what is left',
      [4, 4, 1],
      [{ type: 'maxPooling2d' }, { type: 'conv2d', filters: 2, kernelSize: 3, name: 'second' }],
      'Layer `second`: a window of 3 x 3 with padding "valid" does not fit rows of shape [2, 2, 1]. ' +
        "Make it smaller, set padding: 'same', or pool less before this layer.",
    ],
    [
      'padding that windows could get lost in',
      [4, 1],
      [{ type: 'averagePooling1d', padding: 2 }],
      'Layer `averagePooling1d_1`: a window of 2 with padding 2 does not fit rows of shape [4, 1]. ' +
        "Make the padding smaller than the window's reach, 2.",
    ],
    [
      'groups that do not divide the channels',
      [4, 4, 3],
      [{ type: 'conv2d', filters: 4, kernelSize: 3, groups: 2 }],
      'Layer `conv2d_1`: 2 groups do not divide 3 channels (rows of shape [4, 4, 3]) and 4 filters. ' +
        'Choose `groups` that divide both.',
    ],
    [
      'a reshape to another size',
      [4, 3],
      [{ type: 'reshape', targetShape: [5, -1] }],
      'Layer `reshape_1`: expected a `targetShape` of 12 numbers, as rows of shape [4, 3] have, got [5, -1]. ' +
        'Change one axis, or write -1 for the one that follows from the rest.',
    ],
    [
      'a shortcut by identity',
      [4, 4, 3],
      [{ type: 'residual', shortcut: 'identity', layers: [{ type: 'conv2d', filters: 5, kernelSize: 1 }] }],
      'Layer `residual_1`: an identity shortcut needs equal shapes, got [4, 4, 3] in and [4, 4, 5] out of its layers. ' +
        "Let the last inner layer give [4, 4, 3], or use shortcut: 'projection'.",
    ],
    [
      'rows that cannot be added',
      6,
      [
        { type: 'dense', units: 4, name: 'a' },
        { type: 'dense', units: 3, name: 'b' },
        { type: 'add', inputs: ['a', 'b'] },
      ],
      'Layer `add_1`: rows of shapes [4] and [3] cannot be added. Let both branches end in the same shape, e.g. by a ' +
        'dense layer or a conv2d of kernelSize 1.',
    ],
    [
      'rows that cannot be joined',
      [4, 4, 3],
      [
        { type: 'flatten', name: 'a' },
        { type: 'concatenate', inputs: ['input', 'a'] },
      ],
      'Layer `concatenate_1`: rows of shapes [4, 4, 3] and [48] cannot be joined along axis -1: the other axes must be ' +
        'equal. Flatten both before, or join along another axis.',
    ],
    [
      'a layer that is not there',
      6,
      [
        { type: 'dense', units: 4, name: 'a' },
        { type: 'dense', units: 4, inputs: ['b'] },
      ],
      'Layer `dense_1`: there is no layer or input `b` to take. Before it are `input`, `a`.',
    ],
    [
      'a layer that comes later',
      6,
      [
        { type: 'dense', units: 4, inputs: ['b'] },
        { type: 'dense', units: 4, name: 'b' },
      ],
      'Layer `dense_1`: takes `b`, which comes after it. List layers in the order of the forward pass.',
    ],
    [
      'a layer that nobody takes',
      6,
      [
        { type: 'dense', units: 4, name: 'a' },
        { type: 'dense', units: 4, inputs: ['input'] },
      ],
      'Layer `a`: nothing takes what it gives. Name it in the `inputs` of a later layer, or leave it out: the ' +
        "model's output is its last layer.",
    ],
    [
      'several inputs of a layer that takes one',
      6,
      [
        { type: 'dense', units: 4, name: 'a' },
        { type: 'dense', units: 4, inputs: ['input', 'a'] },
      ],
      'Layer `dense_1`: dense takes one input, got 2. Put an `add` or a `concatenate` before it.',
    ],
    [
      'a shared layer of another size',
      6,
      [
        { type: 'dense', units: 4 },
        { type: 'shared', layer: 'dense_1' },
      ],
      'Layer `shared_1`: `dense_1/kernel` of the layer it shares has shape [6, 4], and here would need [4, 4]. Bring ' +
        'both inputs to the same shape.',
    ],
    [
      'a shared normalisation over the batch',
      6,
      [{ type: 'batchNorm' }, { type: 'shared', layer: 'batchNorm_1' }],
      'Layer `shared_1`: `batchNorm_1` keeps statistics of what it sees (`batchNorm_1/movingMean`) and cannot be shared. ' +
        'Give each place a normalisation of its own, or use layerNorm or groupNorm.',
    ],
    [
      'heads that share channels out unevenly',
      [5, 3],
      [{ type: 'transformerBlock', numHeads: 2, name: 'block' }],
      'Layer `block/residual_1/attention_1`: expected `numHeads` to share out the 3 channels that come evenly, got 2. ' +
        'Use 1 head, give 4 channels before it, or, of `type: attention`, set `keyDim` (the width of a head).',
    ],
    [
      'a shortcut over a flatten',
      [4, 4, 3],
      [{ type: 'residual', layers: [{ type: 'flatten' }] }],
      'Layer `residual_1`: no shortcut leads from [4, 4, 3] to [48]: a projection changes the last axis and strides over ' +
        "the others. Use padding: 'same' in its layers, and no flatten or reshape.",
    ],
  ]
  it.each(cases)('%s', (_name, inputShape, layers, message) => {
    const shape = typeof inputShape === 'number' ? undefined : inputShape
    const build = () => buildModel({ inputShape: shape, layers }, sizeOf(shape ?? [inputShape as number]))
    expect(build).toThrow(UserError)
    expect(build).toThrow(new UserError(message))
  })

  it('an input shape and the data', () => {
    const build = () => buildModel({ inputShape: [28, 28, 3], layers: [{ type: 'flatten' }] }, 784)
    expect(build).toThrow(
      new UserError(
        "Expected `model.inputShape` to be the shape of the data's rows, 784 numbers each, got [28, 28, 3]: " +
          '2352 numbers. Channels come last: [height, width, channels].',
      ),
    )
  })
})
