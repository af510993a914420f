import { z } from 'zod'
import { optimizerRules, optimizerTypes, type OptimizerConfig, type OptimizerType } from '../optim/optimizers.ts'
import { choice, defaultType, flag, real, type Agrees } from './fields.ts'

const { sgd, adam, adamw, rmsprop, adagrad } = optimizerRules

const learningRate = (value: number) =>
  real({ above: 0 }).default(value).describe('Step size; the schedule multiplies it.')
const weightDecay = (value: number, how: string) => real({ min: 0 }).default(value).describe(`Weight decay, ${how}.`)
const epsilon = (value: number) =>
  // Smaller ones are 0 in float32, or nearly so.
  real({ min: 1e-30 }).default(value).describe('Added to the divisor against division by 0; at least 1e-30.')
const share = (value: number, what: string) => real({ min: 0, below: 1 }).default(value).describe(`${what}, in [0, 1).`)
const L2 = 'added to the gradient (an L2 penalty)'

const Sgd = z.strictObject({
  type: z.literal('sgd'),
  learningRate: learningRate(sgd.defaults.learningRate),
  momentum: share(sgd.defaults.momentum, 'Share of the last step that is kept'),
  nesterov: flag().default(sgd.defaults.nesterov).describe("Nesterov's momentum; without effect at momentum 0."),
  weightDecay: weightDecay(sgd.defaults.weightDecay, L2),
})

const moments = (defaults: typeof adam.defaults | typeof adamw.defaults) => ({
  learningRate: learningRate(defaults.learningRate),
  beta1: share(defaults.beta1, 'Decay of the mean of the gradient'),
  beta2: share(defaults.beta2, 'Decay of the mean of the squared gradient'),
  epsilon: epsilon(defaults.epsilon),
})

const Adam = z.strictObject({
  type: defaultType('adam'),
  ...moments(adam.defaults),
  weightDecay: weightDecay(adam.defaults.weightDecay, L2),
})

const AdamW = z.strictObject({
  type: z.literal('adamw'),
  ...moments(adamw.defaults),
  weightDecay: weightDecay(adamw.defaults.weightDecay, 'apart from the gradient'),
})

const Rmsprop = z.strictObject({
  type: z.literal('rmsprop'),
  learningRate: learningRate(rmsprop.defaults.learningRate),
  rho: share(rmsprop.defaults.rho, 'Decay of the mean of the squared gradient'),
  epsilon: epsilon(rmsprop.defaults.epsilon),
  momentum: share(rmsprop.defaults.momentum, 'Share of the last step that is kept'),
  weightDecay: weightDecay(rmsprop.defaults.weightDecay, L2),
})

const Adagrad = z.strictObject({
  type: z.literal('adagrad'),
  learningRate: learningRate(adagrad.defaults.learningRate),
  epsilon: epsilon(adagrad.defaults.epsilon),
  initialAccumulator: real({ min: 0 })
    .default(adagrad.defaults.initialAccumulator)
    .describe('What the sum of squares starts from: larger values shorten the first steps.'),
  weightDecay: weightDecay(adagrad.defaults.weightDecay, L2),
})

const Full = z.discriminatedUnion('type', [Sgd, Adam, AdamW, Rmsprop, Adagrad])
const names = optimizerTypes as [OptimizerType, ...OptimizerType[]]

/** A name stands for that optimizer with its defaults. */
export const Optimizer = z.union([
  choice(names)
    .transform((type): z.input<typeof Full> => ({ type }))
    .pipe(Full),
  Full,
])

/** The schema gives what src/optim takes, both ways; tsc fails here when they part. */
export type OptimizerAgrees = [
  Agrees<z.output<typeof Optimizer>, OptimizerConfig>,
  Agrees<OptimizerConfig, z.output<typeof Optimizer>>,
]
