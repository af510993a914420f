/** Models in formats that other tools read: safetensors, with what we need to run them again in its metadata, and ONNX. */
import { readFile } from 'node:fs/promises'
import { parseConfig } from '../config/schema.ts'
import { UserError, whyUnread } from '../errors.ts'
import { foreign, toForeign } from '../interop/layout.ts'
import type { LayoutName } from '../interop/layout.ts'
import { matchTensors } from '../interop/match.ts'
import { refuseEndless } from '../interop/regular.ts'
import { encodeSafetensors, readSafetensors } from '../interop/safetensors.ts'
import { toTorch } from '../interop/torch-recurrent.ts'
import { decodeModel } from '../interop/onnx/decode.ts'
import { exportOnnx } from '../interop/onnx/export.ts'
import { importOnnx } from '../interop/onnx/import.ts'
import { buildModel, sizeOf } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { lossRule } from '../model/losses.ts'
import { loadOwn, refuseForeignModules } from '../model/own.ts'
import type { LossConfig } from '../model/config.ts'
import { writeAtomically } from './checkpoint.ts'
import type { Checkpoint, Identity } from './checkpoint.ts'
import { freshSlots } from './weights.ts'
import type { Weights } from './weights.ts'

/** Key of our metadata in a safetensors file: JSON of the identity and the layout. */
const KEY = 'brigantine'

const LAYOUTS: readonly LayoutName[] = ['brigantine', 'pytorch']

type Saved = Omit<Identity, 'names'> & { readonly layout: LayoutName }

export const isSafetensors = (path: string): boolean => path.endsWith('.safetensors')

/** @param layout `pytorch`: names and axes of a `state_dict` */
export async function saveSafetensors(
  path: string,
  { config, inputs, targets, transform, kernels }: Identity,
  model: Model,
  weights: Weights,
  layout: LayoutName,
): Promise<void> {
  const saved: Saved = { config, inputs, targets, transform, kernels, layout }
  const tensors = model.parameters.map((spec, i) => {
    const as = foreign(spec, layout)
    return { name: as.name, shape: as.shape, values: toForeign(weights.parameters[i]!, spec.shape, as) }
  })
  // What the tensors are for, in Hugging Face's word, is `pt` wherever PyTorch's names are.
  const format = layout === 'pytorch' ? 'pt' : KEY
  const named = layout === 'pytorch' ? toTorch(tensors) : tensors
  await writeAtomically(path, encodeSafetensors({ tensors: named, metadata: { format, [KEY]: JSON.stringify(saved) } }))
}

export const isOnnx = (path: string): boolean => path.endsWith('.onnx')

/** Takes rows of numbers as `predict` does, and gives the same outputs. */
export async function saveOnnx(
  path: string,
  model: Model,
  weights: Weights,
  loss: LossConfig,
  targets: number,
): Promise<void> {
  const rule = lossRule(loss)
  const positions = rule.takes === 'labels' ? targets : 1
  const bytes = exportOnnx(model, weights.parameters, rule.link, positions, { producer: 'brigantine' })
  await writeAtomically(path, bytes)
}

/** A graph of another tool (or ours) as a model: see interop/onnx/import.ts. @throws UserError naming the node without a layer */
export async function readOnnx(path: string): Promise<Checkpoint> {
  await refuseEndless(path)
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: expected an ONNX file, but ${whyUnread(cause, 'model.onnx')}.`, { cause })
  })
  return modelOfOnnx(bytes, path)
}

/** As `readOnnx`, from bytes; `path` is named in errors. */
export function modelOfOnnx(bytes: Uint8Array, path: string): Checkpoint {
  const { model, inputs, link, weights } = importFrom(bytes, path)
  const loss = {
    softmax: 'sparseCategoricalCrossentropy',
    sigmoid: 'binaryCrossentropy',
    identity: 'meanSquaredError',
  } as const
  const config = parseConfig({ model, loss: loss[link] }, path)
  const built = buildModel(config.model, inputs)
  const values = built.parameters.map(({ name, shape }) => {
    const found = weights.get(name)
    if (found?.length === sizeOf(shape)) return found
    throw new UserError(`${path}: expected ${sizeOf(shape)} values for \`${name}\`, got ${found?.length ?? 'none'}.`)
  })
  return {
    config,
    inputs,
    targets: link === 'softmax' ? 1 : built.outputs,
    transform: null,
    kernels: '',
    names: built.parameters.map(({ name }) => name),
    weights: { parameters: values, slots: freshSlots(values, config.optimizer) },
    updates: 0,
    trainRows: 0,
    state: null,
    best: null,
    history: { epoch: [], history: {} },
  }
}

function importFrom(bytes: Uint8Array, path: string): ReturnType<typeof importOnnx> {
  let graph
  try {
    graph = decodeModel(bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UserError(`${path}: expected an ONNX model, but the file is damaged or of another kind: ${why}.`, {
      cause,
    })
  }
  try {
    return importOnnx(graph)
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}.`, { cause: error }) : error
  }
}

export const isForeign = (path: string): boolean => isOnnx(path) || isSafetensors(path)

export const readForeign = (path: string): Promise<Checkpoint> => (isOnnx(path) ? readOnnx(path) : readModel(path))

/** A model that `saveSafetensors` wrote, without the optimizer's state. @throws UserError for files of other tools */
export async function readModel(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path)
  const saved = identityOf(metadata[KEY], path)
  const { layout, ...identity } = saved
  // Refuses what no config is, before anything is made of it.
  const config = parseConfig(saved.config, path)
  refuseForeignModules(path, config.model, config.loss)
  await loadOwn(config.model, config.loss)
  const { parameters } = buildModel(config.model, saved.inputs)
  const values = matchTensors(parameters, tensors, { layout }, path)
  return {
    ...identity,
    config,
    names: parameters.map(({ name }) => name),
    weights: { parameters: values, slots: freshSlots(values, config.optimizer) },
    updates: 0,
    trainRows: 0,
    state: null,
    best: null,
    history: { epoch: [], history: {} },
  }
}

function identityOf(text: string | undefined, path: string): Saved {
  if (text === undefined) {
    throw new UserError(
      `${path}: expected a model with its config, got tensors alone (of another tool?). ` +
        'Describe the model by a config: `brigantine import FILE --config run.yaml`, or `trainer.loadWeights(FILE)`.',
    )
  }
  try {
    const saved = JSON.parse(text) as Saved
    const sizes = [saved.inputs, saved.targets].every((n) => Number.isSafeInteger(n) && n >= 1)
    if (typeof saved.config === 'object' && sizes && LAYOUTS.includes(saved.layout)) return saved
  } catch {
    // Told below.
  }
  throw new UserError(
    `${path}: expected the metadata \`${KEY}\` to be JSON of a config and sizes. The file was altered.`,
  )
}
