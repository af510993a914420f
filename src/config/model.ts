import { z } from 'zod'
import { real, text } from './fields.ts'
import { shape } from './layers/common.ts'
import { Layer } from './layers/layer.ts'

export const Model = z
  .strictObject(
    {
      inputShape: shape
        .optional()
        .describe(
          'What one row of the data is, channels last, e.g. [28, 28, 1]. By default one axis of all its numbers.',
        ),
      inputScale: z
        .strictObject({
          mean: z.array(real(), { error: 'an array of numbers' }).describe('Of each feature.'),
          deviation: z.array(real({ above: 0 }), { error: 'an array of numbers > 0' }).describe('Of each feature.'),
        })
        .optional()
        .describe(
          'Features are taken as (x - mean) / deviation, and what is not finite as the mean. For data that comes as it ' +
            'is; what is read from files is better scaled by `data.scale`.',
        ),
      inputs: z
        .array(z.strictObject({ name: text().describe('What layers take it by.'), shape }), {
          error: 'an array of { name, shape }',
        })
        .min(1, { error: 'at least one input' })
        .optional()
        .describe('Several inputs: the numbers of a row are cut into them, in this order. In place of `inputShape`.'),
      layers: z
        .array(Layer, { error: 'an array of layers' })
        .min(1, { error: 'at least one layer' })
        .describe('From input to output; the units of the last layer must fit the targets.'),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'an object with `layers`' : undefined) },
  )
  .describe('The network. Inputs take their size from the data.')
