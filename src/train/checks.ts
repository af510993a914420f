/** What is asked before a run begins: whether data, model, loss and mode fit together. */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { toDataset } from '../data/tensor.ts'
import type { TensorInput } from '../data/tensor.ts'
import { describe, UserError } from '../errors.ts'
import type { Model } from '../model/build.ts'
import type { LossConfig } from '../model/config.ts'
import { checkTargets, lossRule } from '../model/losses.ts'
import { shapeText } from '../model/shape.ts'
import { isChain } from '../model/wiring.ts'
import { stateSlots } from '../optim/optimizers.ts'
import type { Task } from './prepare.ts'

/** @throws UserError for what JavaScript lets through */
export function expectDataset(data: unknown, what: string): void {
  const { x, y, sampleWeight, rows, features, targets } = (data ?? {}) as Partial<Dataset>
  if (!(x instanceof Float32Array && y instanceof Float32Array))
    throw new UserError(`Expected ${what} as \`toDataset\` or \`loadData\` make it, got ${describe(data)}.`)
  for (const [name, values, width, of] of [
    ['x', x, features, 'features'],
    ['y', y, targets, 'targets'],
    ['sampleWeight', sampleWeight, 1, 'number'],
  ] as const) {
    if (values === undefined || values.length === Number(rows) * Number(width)) continue
    throw new UserError(
      `Expected \`${name}\` of ${what} to hold \`rows\` x ${of} = ${rows} x ${width} numbers, got ${values.length}. ` +
        '`toDataset` counts them.',
    )
  }
}

/** @throws UserError for what only a stream has a use for */
export function checkNoStream(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) throw new UserError(`Expected a stream for \`${name}\`, got data in memory. Leave it out.`)
  }
}

/** @throws UserError naming both shapes when data, model and loss do not fit together */
export function checkData(data: Dataset, model: Model, task: Task, what: string): void {
  expectDataset(data, what)
  if (data.rows < 1) throw new UserError(`Expected ${what} of at least one row, got none.`)
  if (data.features !== model.inputs) {
    throw new UserError(
      `Expected ${what} of shape [rows, ${model.inputs}], as the model takes it, got [${data.rows}, ${data.features}].`,
    )
  }
  checkIndices(data, model, what)
  checkPositions(model, task.loss, data.targets)
  checkTargets(task.loss, model.outputs, data.targets, data.y, data.classNames)
}

/** Where rows are nothing but indices of an embedding. */
function checkIndices({ x, features }: Dataset, { layers: [first], inputs }: Model, what: string): void {
  if (first?.type !== 'embedding' || first.inputs !== inputs) return
  const entries = first.parameters[0]!.shape[0]!
  const at = x.findIndex((index) => !(index >= 0 && index < entries && Number.isInteger(index)))
  if (at < 0) return
  const [row, column, index] = [Math.floor(at / features), at % features, x[at]!]
  const isTooLarge = index >= entries && Number.isInteger(index)
  throw new UserError(
    `Layer \`${first.name}\`: expected whole numbers from 0 to ${entries - 1}, the rows of its table, got ${index} in row ` +
      `${row}, column ${column} of the ${what}. ` +
      (isTooLarge ? `Set \`inputDim\` to more than the largest.` : 'Number what is told apart from 0 on.'),
  )
}

/** A dense layer works at each position of a row; one answer for the row wants them joined before. */
function checkPositions({ layers, outputs, outputShape }: Model, loss: LossConfig, targets: number): void {
  const each = outputShape.at(-1)!
  const { takes, own } = lossRule(loss)
  const takesAll = takes === 'label' ? each === 1 : takes === 'labels' || targets === outputs
  if (each === outputs || own || takesAll) return
  const pooling = outputShape.length === 2 ? 'globalAveragePooling1d' : 'globalAveragePooling2d'
  const masked = takes === 'label' ? ", or give a label for each position and use loss: 'maskedCrossentropy'" : ''
  throw new UserError(
    `Layer \`${layers.at(-1)!.name}\`: it gives rows of shape ${shapeText(outputShape)}, where loss \`${loss.type}\` takes ` +
      `${shapeText([takes === 'label' ? each : targets])}. Put a flatten or a ${pooling} before it${masked}.`,
  )
}

/** Rows without targets, for `predict`. NaN and infinities are let through: what comes out is theirs. */
export function checkRows(x: TensorInput['x'], inputs: number, targets: number): Dataset {
  if (!Array.isArray(x) && !ArrayBuffer.isView(x)) {
    throw new UserError(`Expected \`x\` as rows of ${inputs} numbers, got ${describe(x)}.`)
  }
  const nested = Array.isArray(x) && typeof x[0] !== 'number'
  const rows = nested ? x.length : x.length / inputs
  if (!Number.isInteger(rows) || rows < 1) {
    throw new UserError(`Expected \`x\` of one or more rows of ${inputs} numbers, got ${x.length} numbers.`)
  }
  const y = new Float32Array(rows * targets)
  const data = toDataset({ x, y, targets, features: inputs, nonFinite: 'allow' })
  if (data.features !== inputs) {
    throw new UserError(`Expected \`x\` of shape [rows, ${inputs}], got [${rows}, ${data.features}].`)
  }
  return data
}

/** @throws UserError for what only several ranks can do */
export function checkAlone({ reduce }: ResolvedConfig): void {
  if (reduce === 'tree') return
  throw new UserError(
    `Expected several ranks for \`reduce: '${reduce}'\`, got this process alone, where MPI has nothing to add. ` +
      "Start it with `mpirun -n 2 npx brigantine train ..`, or set reduce: 'tree' (--reduce tree), which is the default.",
  )
}

/**
 * @param saves whether this process is to write checkpoints
 * @throws UserError for optimizer state that cannot be sharded, or of which this rank has too little to save
 */
export function checkSharded({ shardOptimizerState, optimizer }: ResolvedConfig, rank: number, saves: boolean): void {
  if (!shardOptimizerState) return
  if (stateSlots(optimizer).length === 0) {
    throw new UserError(
      `Expected an optimizer with state for \`shardOptimizerState\`, got ${optimizer.type}, which keeps none as it is ` +
        'set. Leave `shardOptimizerState` out, or choose adam, adamw, rmsprop, adagrad or sgd with momentum.',
    )
  }
  if (rank === 0 || !saves) return
  throw new UserError(
    `Expected rank 0 to save, got rank ${rank}: with \`shardOptimizerState\` only rank 0 joins the parts of the optimizer's ` +
      'state. Save there, or set shardOptimizerState: false.',
  )
}

/** @throws UserError for what `health: 'repair'` cannot rewrite */
export function checkRepairable({ model: { layers, inputs } }: ResolvedConfig, ranked: boolean): void {
  if (ranked) {
    throw new UserError(
      "Expected `health: 'warn'` or 'observe' for a run of several ranks, got 'repair': a run is mended on one machine. " +
        "Let it be mended there (`trainer.config` has what was changed), then train with `health: 'warn'`.",
    )
  }
  if (inputs || !isChain(layers)) {
    throw new UserError(
      "Expected `health: 'warn'` or 'observe' for a model with branches, got 'repair': only layers one after another, and " +
        'residual blocks of them, can be rewritten.',
    )
  }
}

/** @throws UserError for a run whose validation data cannot be a stream */
export function checkExaminable({ config: { health }, ranks }: { config: ResolvedConfig; ranks: unknown }): void {
  const expected = (where: string, advice: string) =>
    new UserError(`Expected validation data in memory ${where}, got a stream. ${advice}`)
  if (ranks) throw expected('for a rank of several', 'Load it with `toDataset` or `loadData` on every rank.')
  if (health.mode !== 'repair') return
  throw expected(
    "with `health: 'repair'`",
    "A repair changes how many rows go together: load it with `toDataset`, or set `health: 'warn'`.",
  )
}
