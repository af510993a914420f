import { z } from 'zod'
import { takesLabels } from '../model/losses.ts'
import { shapeText } from '../model/shape.ts'
import type { LossConfig, ModelConfig } from '../model/config.ts'
import type { AugmentConfig } from '../plan/settings.ts'
import { flag, integer, real, type Agrees } from './fields.ts'

export const Augment = z
  .strictObject(
    {
      horizontalFlip: z
        .union([flag().transform((yes) => (yes ? 0.5 : 0)), real({ min: 0, max: 1 })], {
          error: '`true`, `false` or a number in [0, 1]',
        })
        .default(0)
        .describe('How often an image is mirrored, left to right; `true`: every other time.'),
      randomCrop: integer(1)
        .optional()
        .describe('Width in pixels of a margin of zeros, out of which a window of the size of the image is cut.'),
      mixup: real({ above: 0 })
        .optional()
        .describe(
          'Mixes each row and its targets with another row, in parts of Beta(alpha, alpha). For losses that take a ' +
            'number per output.',
        ),
      gaussianNoise: real({ above: 0 })
        .optional()
        .describe('Standard deviation of noise that is added to every number, as scaled by `data.scale`.'),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'an object such as `{ horizontalFlip: true }`' : undefined) },
  )
  .optional()
  .describe(
    'What is done to training rows, anew in each epoch, in this order: flip and crop, mixup, noise. Validation, test and ' +
      'predictions see the rows as they are.',
  )

/** The schema gives what src/plan takes; tsc fails here when they part. */
export type AugmentAgrees = Agrees<NonNullable<z.output<typeof Augment>>, AugmentConfig>

/** What cannot be done to the rows of this model, as path and text. */
export function augmentProblem(
  augment: AugmentConfig | undefined,
  { inputShape, inputs, layers }: ModelConfig,
  loss: LossConfig | 'auto',
): { path: string[]; text: string } | undefined {
  if (!augment) return undefined
  const { horizontalFlip, randomCrop, mixup, gaussianNoise } = augment
  const problem = (field: keyof AugmentConfig, text: string) => ({
    path: ['augment', field],
    text: `\`augment.${field}\`: ${text}`,
  })
  const placed = horizontalFlip > 0 ? 'horizontalFlip' : randomCrop !== undefined ? 'randomCrop' : undefined
  if (placed && inputShape?.length !== 3) {
    const got = inputs ? `${inputs.length} inputs` : inputShape ? shapeText(inputShape) : 'rows without a shape'
    return problem(
      placed,
      `expected rows that are images, got ${got}; set \`model.inputShape\` to [height, width, channels]`,
    )
  }
  const edge = Math.min(...(inputShape ?? []).slice(0, 2))
  if (randomCrop !== undefined && randomCrop >= edge) {
    return problem('randomCrop', `expected less than the ${edge} pixels of an edge of the image, got ${randomCrop}`)
  }
  const numeric = mixup !== undefined ? 'mixup' : gaussianNoise !== undefined ? 'gaussianNoise' : undefined
  if (numeric && layers[0]?.type === 'embedding') {
    return problem(numeric, 'expected rows of numbers, got tokens for an embedding, between which there is nothing')
  }
  if (mixup !== undefined && loss !== 'auto' && takesLabels(loss)) return problem('mixup', mixupText(loss))
  return undefined
}

/** Also for a loss that the data decided. */
export const mixupText = ({ type }: LossConfig): string =>
  `expected a loss that takes a number per output, to mix targets, got \`${type}\`, which takes class labels; set ` +
  "`loss: 'categoricalCrossentropy'` and `data.oneHot: true` (in the library: `toCategorical(data)`)"
