/** Models in formats of other tools: safetensors, with what we need to run them again in its metadata, and ONNX, to write. */
import { parseConfig } from '../config/schema.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import { UserError } from '../errors.ts'
import { foreign, toForeign } from '../interop/layout.ts'
import type { LayoutName } from '../interop/layout.ts'
import { matchTensors, renamed } from '../interop/match.ts'
import type { Names } from '../interop/match.ts'
import { encodeSafetensors, readSafetensors } from '../interop/safetensors.ts'
import { toTorch } from '../interop/torch-recurrent.ts'
import { exportOnnx } from '../interop/onnx/export.ts'
import { buildModel } from '../model/build.ts'
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

export interface SaveOptions {
  /** Of a `.safetensors` file; `pytorch`: names and axes of a `state_dict`. Default: `brigantine`. */
  readonly layout?: LayoutName | undefined
  /** What layers are called in a `.safetensors` file, as for `loadWeights`. */
  readonly names?: Names | undefined
}

type Saved = Omit<Identity, 'names'> & { readonly layout: LayoutName; readonly called?: Names | undefined }

/** @throws UserError naming what the map of names has no layer for, or gives two tensors for */
export async function saveSafetensors(
  path: string,
  { config, inputs, targets, transform, kernels }: Identity,
  model: Model,
  weights: Weights,
  { layout = 'brigantine', names }: SaveOptions,
): Promise<void> {
  const saved: Saved = { config, inputs, targets, transform, kernels, layout, called: names }
  checkNames(path, model, names)
  const tensors = model.parameters.map((spec, i) => {
    const as = renamed(foreign(spec, layout), names, layout)
    return { name: as.name, shape: as.shape, values: toForeign(weights.parameters[i]!, spec.shape, as) }
  })
  // What the tensors are for, in Hugging Face's word, is `pt` wherever PyTorch's names are.
  const format = layout === 'pytorch' ? 'pt' : KEY
  const named = layout === 'pytorch' ? toTorch(tensors, new Set(Object.values(names ?? {}))) : tensors
  const seen = new Set<string>()
  const twice = named.find(({ name }) => seen.size === seen.add(name).size)
  if (twice) throw new UserError(`${path}: expected other names, got \`${twice.name}\` for two tensors.`)
  await writeAtomically(path, encodeSafetensors({ tensors: named, metadata: { format, [KEY]: JSON.stringify(saved) } }))
}

function checkNames(path: string, { parameters }: Model, names: Names = {}): void {
  const has = (ours: string) => parameters.some(({ name }) => name === ours || name.startsWith(`${ours}/`))
  const stranger = Object.keys(names).find((ours) => !has(ours))
  if (stranger === undefined) return
  const owners = new Set(parameters.map(({ name }) => name.slice(0, name.lastIndexOf('/'))))
  throw new UserError(`${path}: expected names of layers with weights, ${[...owners].join(', ')}, got \`${stranger}\`.`)
}

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

/** A model that `saveSafetensors` wrote, without the optimizer's state. @throws UserError for files of other tools */
export async function readModel(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path)
  const saved = identityOf(metadata[KEY], path)
  const { layout, called: names, ...identity } = saved
  // Refuses what no config is, before anything is made of it.
  const config = parseConfig(saved.config, path)
  refuseForeignModules(path, config.model, config.loss)
  await loadOwn(config.model, config.loss)
  const model = buildModel(config.model, saved.inputs)
  const values = matchTensors(model.parameters, tensors, { layout, names }, path)
  return {
    ...identity,
    config,
    ...bare(config, model, values),
  }
}

/** A checkpoint's rest where there are weights alone. */
export function bare(config: ResolvedConfig, model: Model, values: readonly Float32Array[]) {
  return {
    names: model.parameters.map(({ name }) => name),
    weights: { parameters: [...values], slots: freshSlots(values, config.optimizer) },
    ...{ updates: 0, trainRows: 0, state: null, best: null },
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
    const named = saved.called === undefined || isNames(saved.called)
    if (typeof saved.config === 'object' && sizes && named && LAYOUTS.includes(saved.layout)) return saved
  } catch {
    // Told below.
  }
  throw new UserError(
    `${path}: expected the metadata \`${KEY}\` to be JSON of a config and sizes. The file was altered.`,
  )
}

const isNames = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((name) => typeof name === 'string')
