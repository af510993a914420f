import { z } from 'zod'
import { UserError } from '../errors.ts'
import { Augment, augmentProblem } from './augment.ts'
import { Data } from './data.ts'
import { choice, flag, integer, real, text } from './fields.ts'
import { expectation, problemsOf } from './messages.ts'
import { Model } from './model.ts'
import { Optimizer } from './optimizer.ts'
import { ReduceOnPlateau, Schedule } from './schedule.ts'
import { Checkpoint, Clip, EarlyStopping, Health, Loss, Metrics, Recovery } from './training.ts'

/** The one border for user input: file, flags and library all pass here. */
const Fields = z.strictObject({
  $schema: text().optional().describe('Path of the JSON Schema, for editors; not read.'),
  seed: integer(0, 2 ** 32 - 1)
    .default(0)
    .describe('Start of every random number: weights, order, dropout, split.'),
  epochs: integer(1).default(10).describe('Passes over the training data.'),
  batchSize: z
    .union([integer(1), z.literal('full')], { error: "an integer >= 1 or 'full'" })
    .default(32)
    .describe("Samples per update, over all workers. 'full': the whole training set. 1: one by one."),
  accumulationSteps: integer(1)
    .default(1)
    .describe('Equal parts in which a batch is worked off, to save memory; the batch stays the same.'),
  shards: integer(1, 64)
    .default(1)
    .describe(
      'Parts into which the gradient of a batch is summed, for machines to share out (MPI): with the same number, ' +
        '1, 2 or 4 machines give the same bits.',
    ),
  reduce: choice(['tree', 'mpi-sum'])
    .default('tree')
    .describe(
      "How machines add their gradients. 'tree': in the fixed order of the shards. 'mpi-sum': as MPI likes, which may " +
        'be faster and changes bits with the number of machines.',
    ),
  shardOptimizerState: flag()
    .default(false)
    .describe(
      "Whether each machine keeps the optimizer's state of its share of the weights alone (ZeRO stage 1): less memory, the " +
        'same bits. Rank 0 joins the parts in its checkpoints.',
    ),
  maxSteps: integer(1).optional().describe('Training ends after so many updates. None when absent.'),
  shuffle: flag().default(true).describe('Whether every epoch has its own order.'),
  workers: z
    .union([z.literal('auto'), integer(1, 256)], { error: "'auto' or an integer from 1 to 256" })
    .default('auto')
    .describe("Threads that train. The result does not depend on it. 'auto': as many as help."),
  kernels: choice(['auto', 'reference', 'wasm-strict', 'wasm', 'native', 'blas'])
    .default('auto')
    .describe(
      "Which arithmetic is used. 'auto': native (the bits of wasm, in AVX-512 or AVX2) where the processor has it, else blas where " +
        'a native library is found and works, else wasm. wasm-strict gives the same bits on every machine.',
    ),
  blas: text()
    .optional()
    .describe(
      'Name (openblas, blis, mkl, accelerate) or path of a native BLAS library. Without it the environment variable BRIGANTINE_BLAS, then the usual places.',
    ),
  model: Model,
  loss: Loss,
  metrics: Metrics,
  classWeight: z
    .record(z.string(), real({ min: 0 }))
    .optional()
    .describe('Weight in the loss by class name or index; 1 for a class that is not named.'),
  optimizer: Optimizer.prefault('adam').describe(
    'How weights follow the gradient: a name, or an object with its settings.',
  ),
  learningRate: real({ above: 0 }).optional().describe('Short for `optimizer.learningRate`, over which it wins.'),
  schedule: Schedule,
  reduceOnPlateau: ReduceOnPlateau,
  clip: Clip,
  health: Health,
  earlyStopping: EarlyStopping,
  data: Data,
  augment: Augment,
  out: text().optional().describe('Folder for model, checkpoints and log. By default runs/<name of the data>.'),
  checkpoint: Checkpoint,
  recovery: Recovery,
  gradient: choice(['auto', 'lanes', 'tiles', 'whole'])
    .default('auto')
    .describe(
      "How weight gradients are summed: kept apart per lane, or in one go per tile; 'whole': nothing is kept apart.",
    ),
})

/** What users write. */
export type Config = z.input<typeof Fields>

/** What is only read may also be written `as const`. */
export type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T

/** A config with every default filled in and every shorthand written out. It can be parsed again, and is then unchanged. */
export type ResolvedConfig = Omit<z.output<typeof Fields>, 'learningRate' | '$schema'>

/** Where a config came from, so that messages can say it: a file's name, or name:line:column of a field. */
export type Locate = (path: readonly PropertyKey[]) => string

/**
 * Checks a config and fills in the defaults.
 * @param where begins each line of a message: a name, or a function from the field's path
 * @throws UserError with one line per problem: field, what was expected, what came, and what was probably meant
 */
export function parseConfig(input: unknown, where?: string | Locate): ResolvedConfig {
  const result = Fields.safeParse(input, { error: expectation })
  const fail = (lines: { path: readonly PropertyKey[]; text: string }[]): never => {
    const prefix = (path: readonly PropertyKey[]) => (typeof where === 'function' ? where(path) : where)
    throw new UserError(lines.map(({ path, text }) => (prefix(path) ? `${prefix(path)}: ${text}` : text)).join('\n'))
  }
  if (!result.success) return fail(problemsOf(result.error.issues, input))
  const { learningRate, ...config } = result.data
  delete config.$schema
  const { batchSize, accumulationSteps } = config
  if (batchSize !== 'full' && accumulationSteps > batchSize) {
    const text = `\`accumulationSteps\`: expected at most \`batchSize\` (${batchSize}), got ${accumulationSteps}; a part holds at least one sample`
    return fail([{ path: ['accumulationSteps'], text }])
  }
  const misfit = augmentProblem(config.augment, config.model, config.loss)
  if (misfit) return fail([misfit])
  return learningRate === undefined ? config : { ...config, optimizer: { ...config.optimizer, learningRate } }
}

/** The config as JSON Schema (draft 2020-12), for editors. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Fields, { io: 'input', unrepresentable: 'throw' })
  return { ...schema, title: 'Brigantine config' }
}
