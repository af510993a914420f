/** Models in a format that other tools read: safetensors, with what we need to run them again in its metadata. */
import { parseConfig } from '../config/schema.ts'
import { UserError } from '../errors.ts'
import { foreign, toForeign } from '../interop/layout.ts'
import type { LayoutName } from '../interop/layout.ts'
import { matchTensors } from '../interop/match.ts'
import { encodeSafetensors, readSafetensors } from '../interop/safetensors.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { writeAtomically } from './checkpoint.ts'
import type { Checkpoint, Identity } from './checkpoint.ts'
import { freshSlots } from './weights.ts'
import type { Weights } from './weights.ts'

/** Key of our metadata in a safetensors file: JSON of the identity and the layout. */
const KEY = 'brigantine'

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
  await writeAtomically(path, encodeSafetensors({ tensors, metadata: { format, [KEY]: JSON.stringify(saved) } }))
}

/** A model that `saveSafetensors` wrote, without the optimizer's state. @throws UserError for files of other tools */
export async function readModel(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path)
  const saved = identityOf(metadata[KEY], path)
  const { layout, ...identity } = saved
  // Refuses what no config is, before anything is made of it.
  const config = parseConfig(saved.config, path)
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
    if (typeof saved.config === 'object' && saved.inputs >= 1 && saved.targets >= 1) return saved
  } catch {
    // Told below.
  }
  throw new UserError(
    `${path}: expected the metadata \`${KEY}\` to be JSON of a config and sizes. The file was altered.`,
  )
}
