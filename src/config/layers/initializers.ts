/** How weights start. */
import { z } from 'zod'
import type { InitializerConfig } from '../../model/config.ts'
import { choice, real, type Agrees } from '../fields.ts'

const fixedInitializers = ['zeros', 'ones'] as const
const scaledInitializers = [
  'glorotUniform',
  'glorotNormal',
  'heUniform',
  'heNormal',
  'lecunUniform',
  'lecunNormal',
] as const
const allInitializers = [
  ...fixedInitializers,
  'constant',
  'uniform',
  'normal',
  'truncatedNormal',
  ...scaledInitializers,
  'orthogonal',
  'varianceScaling',
  'identity',
] as const
const above = (value: number) => real({ above: 0 }).default(value)

const InitializerObject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum([...fixedInitializers, ...scaledInitializers]) }),
  z.strictObject({ type: z.literal('constant'), value: real().describe('Every weight starts from this.') }),
  z.strictObject({
    type: z.literal('uniform'),
    min: real().default(-0.05).describe('Lower end.'),
    max: real().default(0.05).describe('Upper end.'),
  }),
  z.strictObject({
    type: z.enum(['normal', 'truncatedNormal']),
    mean: real().default(0).describe('Mean.'),
    std: above(0.05).describe('Standard deviation.'),
  }),
  z.strictObject({ type: z.literal('orthogonal'), gain: above(1).describe('Factor on the orthogonal matrix.') }),
  z.strictObject({
    type: z.literal('varianceScaling'),
    scale: above(1).describe('The variance is this over the fan.'),
    mode: choice(['fanIn', 'fanOut', 'fanAvg']).default('fanIn').describe('What a unit is counted by.'),
    distribution: choice(['normal', 'truncatedNormal', 'uniform'])
      .default('truncatedNormal')
      .describe('What it is drawn from.'),
  }),
  z.strictObject({ type: z.literal('identity'), gain: above(1).describe('What is on the diagonal.') }),
])

export const Initializer = z.union([
  choice(allInitializers)
    .transform((type) => ({ type }) as z.input<typeof InitializerObject>)
    .pipe(InitializerObject),
  InitializerObject,
])

/** `auto` follows the activation. */
export const KernelInitializer = z.union([
  z.literal('auto').transform((type) => ({ type })),
  z.strictObject({ type: z.literal('auto') }),
  Initializer,
])

/** The schema gives what src/model takes; tsc fails here when they part. */
export type InitializerAgrees = Agrees<z.output<typeof Initializer>, InitializerConfig>
