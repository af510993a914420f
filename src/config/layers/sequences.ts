/** Layers of sequences: indices to vectors, attention, recurrent ones. */
import { z } from 'zod'
import { choice, flag, integer } from '../fields.ts'
import { Regularizer } from './bounds.ts'
import { named, trainable } from './common.ts'
import { Initializer } from './initializers.ts'

export const Embedding = z.strictObject({
  type: z.literal('embedding'),
  ...named,
  trainable,
  inputDim: integer(1, 2 ** 24).describe('Rows of the table: one more than the largest index.'),
  outputDim: integer(1, 2 ** 24).describe('Numbers an index becomes.'),
  embeddingsInitializer: Initializer.default({ type: 'uniform', min: -0.05, max: 0.05 }).describe(
    'How the table starts.',
  ),
  embeddingsRegularizer: Regularizer.describe("As a dense layer's `kernelRegularizer`."),
})

export const Attention = z.strictObject({
  type: z.literal('attention'),
  ...named,
  trainable,
  numHeads: integer(1, 4096).describe('Heads, which attend each in its own way.'),
  keyDim: integer(1, 2 ** 16)
    .optional()
    .describe('Width of a head. By default the channels over the heads.'),
  causal: flag().default(false).describe('Whether a step sees only itself and those before it.'),
  useBias: flag().default(true).describe('Whether the projections have biases.'),
})

export const PositionEmbedding = z.strictObject({
  type: z.literal('positionEmbedding'),
  ...named,
  trainable,
  embeddingsInitializer: Initializer.default({ type: 'uniform', min: -0.05, max: 0.05 }).describe(
    'How the vectors of the steps start.',
  ),
})

const recurrentFields = {
  ...named,
  trainable,
  units: integer(1, 2 ** 22).describe('Numbers of the state.'),
  returnSequences: flag().default(false).describe('All states, [steps, units], in place of the last one.'),
  direction: choice(['forward', 'reverse'])
    .default('forward')
    .describe('`reverse` takes the last step first; the states stay at their steps.'),
  useBias: flag().default(true).describe('Whether biases are added.'),
  kernelInitializer: Initializer.default({ type: 'glorotUniform' }).describe('How the weights of the inputs start.'),
  recurrentInitializer: Initializer.default({ type: 'orthogonal', gain: 1 }).describe(
    'How the weights of the state start.',
  ),
}
export const Lstm = z.strictObject({
  type: z.literal('lstm'),
  ...recurrentFields,
  unitForgetBias: flag().default(true).describe('Whether biases of the forget gate start at 1.'),
})
export const Gru = z.strictObject({ type: z.literal('gru'), ...recurrentFields })
export const Bidirectional = z.strictObject({
  type: z.literal('bidirectional'),
  ...named,
  trainable,
  layer: z.discriminatedUnion('type', [Lstm, Gru]).describe('An lstm or gru: one goes forward, one in reverse.'),
  mergeMode: choice(['concat', 'sum'])
    .default('concat')
    .describe('What becomes of the states of both: side by side, or added.'),
})
