/**
 * A saved model as a plain function: no threads, no waiting. For small models inside a server, where handing rows to a
 * crew takes longer than working them off. It has the bits of `Trainer.predict` with the same kernels.
 */
import { createArena } from '../arena/arena.ts'
import { parseConfig } from '../config/schema.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import { answersOf, askedOutputs } from '../data/answers.ts'
import type { Answer } from '../data/answers.ts'
import { tableOfRecords } from '../data/records.ts'
import type { DataRecord } from '../data/records.ts'
import { scaleInto } from '../data/scale.ts'
import type { TensorInput } from '../data/tensor.ts'
import { applyTransform } from '../data/transform.ts'
import type { Transform } from '../data/transform.ts'
import { UserError } from '../errors.ts'
import { isForeign } from '../interop/kinds.ts'
import { compileFor, createKernels, resolveKernels } from '../kernels/select.ts'
import type { KernelName } from '../kernels/kernels.ts'
import { buildModel } from '../model/build.ts'
import { loadOwn, refuseForeignModules } from '../model/own.ts'
import { compilePlan } from '../plan/compile.ts'
import { readCheckpoint } from './checkpoint.ts'
import { readForeign } from './networks.ts'
import { checkRows } from './checks.ts'
import { evaluationSpec, resolveTask, runSettings } from './prepare.ts'
import { Program } from './program.ts'
import { checkWeights, writeWeights } from './weights.ts'

export interface LoadedModel {
  readonly config: ResolvedConfig
  /** Numbers of a row, in and out. */
  readonly inputs: number
  readonly outputs: number
  /** How records become rows; `undefined` where the model was trained on rows of numbers. */
  readonly transform: Transform | undefined
  /**
   * @param x rows x inputs, nested or flat and row-major, scaled as the training's rows were
   * @returns rows x outputs, row-major: probabilities for the cross-entropies, else the outputs as they are
   */
  predict(x: TensorInput['x']): Float32Array
  /**
   * @param records one object a row, its fields named as the columns of the training data
   * @returns for each its class with probabilities, or its numbers by name, in the units of the data; of a model of running
   *   text, whose records are `{ text }` of at most a window, the token that follows
   */
  predictRecords(records: readonly DataRecord[]): Answer[]
}

export interface LoadModelOptions {
  /** Default: those of the model's config. */
  readonly kernels?: KernelName | 'auto' | undefined
}

/** Rows that are worked off at a time; more come in several goes. */
const CAPACITY = 256

/** @throws UserError when the file is missing, damaged or newer */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const file = await (isForeign(path) ? readForeign(path) : readCheckpoint(path))
  const config = parseConfig(file.config)
  refuseForeignModules(path, config.model, config.loss)
  await loadOwn(config.model, config.loss)
  const { inputs, targets, weights, names } = file
  const model = buildModel(config.model, inputs)
  checkWeights(model, names, weights, path)
  const transform = (file.transform ?? undefined) as Transform | undefined
  const target = transform?.target
  const classNames = target?.kind === 'numbers' ? undefined : target?.classes
  const task = resolveTask(config, model, { targets, classNames })
  const choice = resolveKernels(options.kernels ?? config.kernels, config.blas)
  const plan = compilePlan(evaluationSpec(config, task, { rows: CAPACITY, features: inputs, targets }, true))
  const arena = createArena(plan.layout)
  await writeWeights(plan, arena.floats, { parameters: weights.parameters, slots: [] })
  const kernels = createKernels(choice, compileFor(choice), arena.memory, plan.at.scratch)
  const settings = runSettings(config, plan, { epochs: 1, maxSteps: 1, gateEpochs: false })
  const program = new Program(plan, kernels, arena, settings)
  const { outputs } = model
  const { inputScale } = config.model

  const predict = (x: TensorInput['x']): Float32Array => {
    const data = checkRows(x, inputs, targets)
    const result = new Float32Array(data.rows * outputs)
    for (let start = 0; start < data.rows; start += CAPACITY) {
      const rows = Math.min(CAPACITY, data.rows - start)
      const x = data.x.subarray(start * inputs, (start + rows) * inputs)
      if (inputScale) scaleInto(x, 0, inputScale, arena.floats, plan.at.evaluationX)
      else arena.floats.set(x, plan.at.evaluationX)
      program.infer(rows)
      const at = plan.at.outputs
      result.set(arena.floats.subarray(at, at + rows * outputs), start * outputs)
    }
    return result
  }
  return {
    ...{ config, inputs, outputs, transform, predict },
    predictRecords(records) {
      if (!transform) {
        throw new UserError(
          `${path}: expected a model with its data transform, to make rows of records. Use \`predict\`.`,
        )
      }
      if (records.length === 0) return []
      const { x, rows } = applyTransform(transform, tableOfRecords(records, transform))
      return answersOf(askedOutputs(predict(x), x, rows, transform.target), rows, transform.target)
    },
  }
}
