import { z } from 'zod'
import { Loss as losses } from '../kernels/kernels.ts'
import type { Clip as ClipConfig } from '../gradient/coefficient.ts'
import type { LossConfig, MetricConfig } from '../model/config.ts'
import { choice, defaultType, flag, integer, real, text, type Agrees } from './fields.ts'

type AnyLoss = LossConfig['type']
type NamedLoss = Exclude<AnyLoss, 'custom'>
const lossNames: [NamedLoss, ...NamedLoss[]] = [
  'maskedCrossentropy',
  ...(Object.keys(losses) as (keyof typeof losses)[]),
]

const gamma = real({ min: 0 })
  .default(2)
  .describe('How much less a row counts that is right already; 0: not at all less.')

const LossObject = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.enum([
      'sparseCategoricalCrossentropy',
      'categoricalCrossentropy',
      'binaryCrossentropy',
      'maskedCrossentropy',
    ]),
    labelSmoothing: real({ min: 0, below: 1 })
      .default(0)
      .describe('Share of each label that is spread over all classes, in [0, 1).'),
  }),
  z.strictObject({
    type: z.literal('binaryFocalCrossentropy'),
    gamma,
    alpha: real({ min: 0, max: 1 }).default(0.25).describe('Weight of targets 1; those of 0 weigh 1 - alpha.'),
  }),
  z.strictObject({ type: z.literal('sparseCategoricalFocalCrossentropy'), gamma }),
  z.strictObject({
    type: z.enum(['meanSquaredError', 'meanAbsoluteError', 'hinge', 'klDivergence', 'cosineDistance']),
  }),
  z.strictObject({
    type: z.literal('custom'),
    module: text().describe('Path (from the working directory) or file URL of a module with a function `loss`.'),
    options: z.record(z.string(), z.unknown()).optional().describe('What it is called with.'),
  }),
  z.strictObject({
    type: z.literal('huber'),
    delta: real({ above: 0 }).default(1).describe('Error at which the loss turns from quadratic to linear.'),
  }),
])

export const Loss = z
  .union([
    z.literal('auto'),
    choice(lossNames)
      .transform((type): z.input<typeof LossObject> => ({ type }))
      .pipe(LossObject),
    LossObject,
  ])
  .default('auto')
  .describe(
    "What is minimised. 'auto': sparseCategoricalCrossentropy for classes, meanSquaredError for numbers. " +
      'The cross-entropies and klDivergence take logits. maskedCrossentropy: a label for each position of a row, ' +
      '-1 where there is none.',
  )

const k = integer(1).default(5).describe('How many of the best classes may hold the right one.')
const average = choice(['macro', 'weighted', 'micro'])
  .default('macro')
  .describe('Over several classes: the mean, the mean by how often each is true, or of all rows together.')
const MetricObject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['accuracy', 'auc', 'perplexity', 'bits']) }),
  z.strictObject({ type: z.enum(['precision', 'recall', 'f1']), average }),
  z.strictObject({ type: z.literal('topK'), k }),
  z.strictObject({ type: z.literal('mae') }),
  z.strictObject({ type: z.literal('r2') }),
])

export const Metrics = z
  .array(
    z.union([
      choice(['accuracy', 'topK', 'precision', 'recall', 'f1', 'auc', 'perplexity', 'bits', 'mae', 'r2'])
        .transform((type): z.input<typeof MetricObject> => ({ type }))
        .pipe(MetricObject),
      MetricObject,
    ]),
    { error: 'an array of metrics' },
  )
  .optional()
  .describe('What is measured beside the loss. By default accuracy for classes, mae and r2 for numbers.')

const maxNorm = real({ above: 0 }).default(1).describe('Largest norm of the whole gradient.')
const normType = z
  .union([real({ min: 1 }), z.literal('inf')], { error: "a number >= 1 or 'inf'" })
  .default(2)
  .describe("The exponent p of the norm (sum |g|^p)^(1/p), or 'inf' for the largest magnitude.")
const ClipObject = z.discriminatedUnion('mode', [
  z.strictObject({ mode: defaultType('globalNorm'), maxNorm, normType }),
  z.strictObject({ mode: z.literal('value'), value: real({ above: 0 }).describe('Largest magnitude of an element.') }),
  z.strictObject({
    mode: z.literal('layerNorm'),
    maxNorm: real({ above: 0 }).default(1).describe("Largest norm of each layer's gradient."),
    normType,
  }),
  z.strictObject({
    mode: z.literal('adaptive'),
    lambda: real({ above: 0 }).default(0.01).describe("A unit's gradient over its weights, at the most."),
    epsilon: real({ above: 0 }).default(1e-3).describe('Least norm that a unit counts with.'),
  }),
  z.strictObject({ mode: z.literal('auto') }),
  z.strictObject({
    mode: z.literal('quantile'),
    quantile: real({ above: 0, max: 1 }).default(0.9).describe('Of the last 64 norms.'),
  }),
  z.strictObject({ mode: z.literal('off') }),
])

export const Clip = z
  .union([
    real({ above: 0 })
      .transform((maxNorm): z.input<typeof ClipObject> => ({ mode: 'globalNorm', maxNorm }))
      .pipe(ClipObject),
    choice(['off', 'auto'])
      .transform((mode): z.input<typeof ClipObject> => ({ mode }))
      .pipe(ClipObject),
    ClipObject,
  ])
  .prefault({})
  .describe(
    'How large gradients are cut: by the norm of the whole gradient (a number), where it stands out from the steps before ' +
      "('auto'), to a quantile of the last norms, by layer ('layerNorm'), by unit beside its weights ('adaptive'), by " +
      "element ('value'), or 'off'.",
  )

const healthModes = ['off', 'observe', 'warn', 'repair'] as const
const HealthObject = z.strictObject({
  mode: choice(healthModes)
    .default('warn')
    .describe(
      "'off': nothing is judged. 'observe': faults are told and change no bit. 'warn': harmful batches are skipped. 'repair': faults are mended, before the first step and while training.",
    ),
  spikeSkip: flag().default(true).describe('Skip a batch whose gradient norm is far outside what came before.'),
  brokenRows: choice(['keep', 'replace'])
    .default('keep')
    .describe(
      "What becomes of training rows with numbers that are not finite, or a thousand times as far from the median as most: 'replace' has the next sound row in their place.",
    ),
  check: choice(['stop', 'warn', 'off'])
    .default('stop')
    .describe(
      "What the check before the first step does with a fault that is certain: 'stop' (not when observing), 'warn'; 'off': no check.",
    ),
  ownGradients: flag()
    .default(true)
    .describe(
      'Say before the first step where the gradient of a layer or loss of your own is far from what its results say; false: it is meant so.',
    ),
  maxConsecutiveSkips: integer(1).default(3).describe('Training stops after so many skipped batches in a row.'),
  maxSkipsInWindow: integer(1).default(5).describe('Training stops after so many skipped batches in a short time.'),
})

export const Health = z
  .union([
    choice(healthModes)
      .transform((mode): z.input<typeof HealthObject> => ({ mode }))
      .pipe(HealthObject),
    HealthObject,
  ])
  .prefault({})
  .describe(
    "What is done about faults of the training: 'off', 'observe', 'warn' or 'repair', or an object with more settings.",
  )

/** Where `true` is what people try. */
const DEFAULTS = {
  error: (issue: { code?: string }) => (issue.code === 'invalid_type' ? 'an object; `{}` has the defaults' : undefined),
}

const mode = choice(['auto', 'min', 'max'])
  .default('auto')
  .describe('Whether less or more is better; `auto` knows by the name.')

export const EarlyStopping = z
  .strictObject(
    {
      monitor: text().default('val_loss').describe('Loss or metric that is watched, as the history names it.'),
      patience: integer(0)
        .default(5)
        .describe('Training ends after so many epochs in a row without an improvement, as in Keras.'),
      minDelta: real({ min: 0 }).default(0).describe('Changes up to this are no improvement.'),
      mode,
      restoreBestWeights: flag().default(false).describe('End with the weights of the best epoch.'),
    },
    DEFAULTS,
  )
  .optional()
  .describe('End when nothing improves any more. Off when absent.')

export const Checkpoint = z
  .strictObject({
    every: integer(1).default(1).describe('Epochs between checkpoints.'),
    keep: integer(1)
      .default(3)
      .describe('How many of the last ones are kept: an older one serves where the newest is damaged.'),
    monitor: text()
      .default('val_loss')
      .describe('Decides which checkpoint is the best; `loss` where there is no validation data.'),
    mode,
  })
  .prefault({})
  .describe('The last states are kept, the best one, and one that proved good.')

export const Recovery = z
  .strictObject({
    restarts: integer(0).default(20).describe('How many workers a run may lose before it stops.'),
    stallSeconds: real({ above: 0 })
      .default(30)
      .describe(
        'Seconds without progress after which a worker counts as stuck; ten times as many in its start-up, more where steps are long.',
      ),
  })
  .prefault({})
  .describe('What happens when a worker dies or hangs: it is replaced, and no bit of the result changes.')

/** The schema gives what the trainer's parts take; tsc fails here when they part. */
export type ClipAgrees = Agrees<z.output<typeof Clip>, ClipConfig>
export type LossAgrees = Agrees<Exclude<z.output<typeof Loss>, 'auto'>, LossConfig>
export type MetricsAgree = Agrees<NonNullable<z.output<typeof Metrics>>, MetricConfig[]>
