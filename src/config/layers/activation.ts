/** Activations, by a name or with their settings. */
import { z } from 'zod'
import { Activation as activations, type ActivationName } from '../../kernels/kernels.ts'
import type { ActivationConfig } from '../../model/config.ts'
import { choice, real, type Agrees } from '../fields.ts'

const activationNames = Object.keys(activations) as [ActivationName, ...ActivationName[]]
const plainActivations = activationNames.filter((name) => name !== 'leakyRelu' && name !== 'elu')

const ActivationObject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(plainActivations as Exclude<ActivationName, 'leakyRelu' | 'elu'>[]) }),
  z.strictObject({
    type: z.literal('leakyRelu'),
    alpha: real({ min: 0 }).default(0.01).describe('Slope below 0.'),
  }),
  z.strictObject({ type: z.literal('elu'), alpha: real({ above: 0 }).default(1).describe('Scale below 0.') }),
])

/** A name, or an object with its settings. */
export const Activation = z.union([
  choice(activationNames)
    .transform((type): z.input<typeof ActivationObject> => ({ type }))
    .pipe(ActivationObject),
  ActivationObject,
])

/** The schema gives what src/model takes; tsc fails here when they part. */
export type ActivationAgrees = Agrees<z.output<typeof Activation>, ActivationConfig>
