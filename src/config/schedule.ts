import { z } from 'zod'
import type { PlateauOptions } from '../optim/plateau.ts'
import type { Schedule as ScheduleConfig, ScheduleName } from '../optim/schedules.ts'
import { choice, defaultType, flag, integer, real, text, type Agrees } from './fields.ts'

const warmup = {
  warmupSteps: integer(0).optional().describe('Updates over which the rate rises to its first value.'),
  warmupEpochs: real({ min: 0 }).optional().describe('The same in epochs.'),
}
const length = {
  steps: real({ above: 0 }).optional().describe('Length in updates. By default the whole run.'),
  epochs: real({ above: 0 }).optional().describe('Length in epochs. By default the whole run.'),
}
const minimum = real({ min: 0 }).default(0).describe('The rate never falls below this.')

/** An object of fields of which at most one of each pair may be given; a `needed` pair needs one. */
function either<Shape extends z.core.$ZodLooseShape>(shape: Shape, pairs: [string, string][], needed = false) {
  let schema = z.strictObject(shape)
  for (const [a, b] of [['warmupSteps', 'warmupEpochs'], ...pairs] as const) {
    const both = (value: object) => hasValue(value, a) && hasValue(value, b)
    schema = schema.refine((value) => !both(value), { error: `either \`${a}\` or \`${b}\`, not both` })
    if (needed && a !== 'warmupSteps') {
      const one = (value: object) => hasValue(value, a) || hasValue(value, b)
      schema = schema.refine(one, { error: `a schedule with \`${a}\` or \`${b}\`` })
    }
  }
  return schema
}

function hasValue(value: object, key: string): boolean {
  return (value as Record<string, unknown>)[key] !== undefined
}

const gamma = real({ above: 0 }).describe('What the rate is multiplied by once per length.')

const ScheduleObject = z.discriminatedUnion('type', [
  either({ type: defaultType('constant'), ...warmup }, []),
  either(
    {
      type: z.literal('step'),
      stepSize: integer(1).optional().describe('Updates between two falls.'),
      stepEpochs: real({ above: 0 }).optional().describe('Epochs between two falls.'),
      gamma: gamma.default(0.1),
      ...warmup,
    },
    [['stepSize', 'stepEpochs']],
    true,
  ),
  either(
    {
      type: z.literal('exponential'),
      gamma,
      decaySteps: real({ above: 0 }).optional().describe('Updates in which the rate falls by `gamma`.'),
      decayEpochs: real({ above: 0 }).optional().describe('Epochs in which the rate falls by `gamma`; 1 by default.'),
      ...warmup,
    },
    [['decaySteps', 'decayEpochs']],
  ),
  either(
    {
      type: z.literal('cosine'),
      ...length,
      minimum,
      restarts: flag().default(false).describe('Start again from the top after each length.'),
      cycleFactor: real({ min: 1 }).default(1).describe('How much longer each cycle is than the one before.'),
      ...warmup,
    },
    [['steps', 'epochs']],
  ),
  either(
    {
      type: z.literal('linear'),
      endFactor: real({ min: 0 }).default(0).describe('Share of the rate that is left at the end.'),
      ...length,
      ...warmup,
    },
    [['steps', 'epochs']],
  ),
  either(
    {
      type: z.literal('oneCycle'),
      pctStart: real({ above: 0, below: 1 }).default(0.3).describe('Share of the run in which the rate rises.'),
      divFactor: real({ above: 0 }).default(25).describe('The rate starts at its peak divided by this.'),
      finalDivFactor: real({ above: 0 }).default(1e4).describe('And ends at its start divided by this.'),
      ...warmup,
    },
    [],
  ),
  either(
    {
      type: z.literal('polynomial'),
      power: real({ above: 0 }).default(1).describe('Exponent of the share that is left.'),
      minimum,
      ...length,
      ...warmup,
    },
    [['steps', 'epochs']],
  ),
])

const names = [
  'constant',
  'step',
  'exponential',
  'cosine',
  'linear',
  'oneCycle',
  'polynomial',
] as const satisfies ScheduleName[]

export const Schedule = z
  .union([
    choice(names)
      .transform((type) => ({ type }) as z.input<typeof ScheduleObject>)
      .pipe(ScheduleObject),
    ScheduleObject,
  ])
  .prefault('constant')
  .describe('How the learning rate changes over the run: a name, or an object with its settings.')

export const ReduceOnPlateau = z
  .strictObject({
    monitor: text().default('val_loss').describe('Loss or metric that is watched, as the history names it.'),
    mode: choice(['auto', 'min', 'max'])
      .default('auto')
      .describe('Whether less or more is better; `auto` knows by the name.'),
    factor: real({ above: 0, below: 1 }).default(0.1).describe('What the learning rate is multiplied by.'),
    patience: integer(0).default(10).describe('Epochs without an improvement that are let pass.'),
    minDelta: real({ min: 0 }).default(1e-4).describe('Least improvement, relative to the best so far.'),
    cooldown: integer(0).default(0).describe('Epochs after a reduction in which none are counted.'),
    minLearningRate: real({ min: 0 }).default(0).describe('The rate never falls below this.'),
  })
  .optional()
  .describe('Lower the learning rate when nothing improves any more. Off when absent.')

/** The schema gives what src/optim takes; tsc fails here when they part. */
export type ScheduleAgrees = Agrees<z.output<typeof Schedule>, ScheduleConfig>
type Plateau = Omit<NonNullable<z.output<typeof ReduceOnPlateau>>, 'monitor' | 'mode'>
export type PlateauAgrees = Agrees<Plateau, PlateauOptions>
