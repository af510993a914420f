/**
 * What a remedy is given and gives back: all that the rest of a run is made of, as plain values. A remedy never changes
 * the patient it was given, so every remedy can be taken back.
 *
 * Layers carry explicit names, and tensors are found by the parameter's name: a remedy that moves a layer into another
 * place moves its tensors with it, and what is left unnamed is drawn anew from the layer's initialiser.
 */
import { buildModel, sizeOf } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import type { LayerConfig, LossConfig, ModelConfig } from '../model/config.ts'
import { initialize } from '../model/initializers.ts'
import type { Layer, ParameterSpec } from '../model/layer.ts'
import type { Clip } from '../gradient/coefficient.ts'
import type { GradientBy } from '../plan/parameters.ts'
import { initialState } from '../optim/optimizers.ts'
import type { OptimizerConfig } from '../optim/optimizers.ts'
import type { Schedule } from '../optim/schedules.ts'

/** A parameter's values, and its state vectors of the optimizer. */
export interface Tensor {
  readonly values: Float32Array
  readonly slots: readonly Float32Array[]
}

export interface Patient {
  /** Features of a row. */
  readonly inputs: number
  readonly model: ModelConfig
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly optimizer: OptimizerConfig
  readonly schedule: Schedule
  readonly clip: Clip
  readonly batchSize: number | 'full'
  /** What becomes of rows that are broken. */
  readonly brokenRows: 'keep' | 'replace'
  /** Whether a batch is worked off as a whole, as its normalisation has to be. */
  readonly canNormalise: boolean
  /** How weight gradients are summed. */
  readonly gradient: GradientBy
  readonly loss: LossConfig
  /** Updates since the optimizer's state was new. */
  readonly updates: number
  /** Start of the random numbers of new weights. */
  readonly seed: number
}

/** Tensors in the model's order, as the trainer keeps them. */
export interface OrderedWeights {
  readonly parameters: readonly Float32Array[]
  readonly slots: readonly (readonly Float32Array[])[]
}

export function admit(
  model: Model,
  weights: OrderedWeights,
  rest: Omit<Patient, 'inputs' | 'model' | 'tensors'>,
): Patient {
  const tensors = new Map<string, Tensor>()
  model.parameters.forEach(({ name }, i) => {
    tensors.set(name, { values: weights.parameters[i]!, slots: weights.slots.map((slot) => slot[i]!) })
  })
  const layers = withNames(model.config.layers, model.layers)
  return { ...rest, inputs: model.inputs, model: { ...model.config, layers }, tensors }
}

export const lossIsSquared = ({ loss }: Pick<Patient, 'loss'>): boolean => loss.type === 'meanSquaredError'

/** The model and its weights in order. What has no tensor is new: drawn from its initialiser, with fresh state. */
export function discharge(patient: Patient): { model: Model; weights: OrderedWeights } {
  const model = buildModel(patient.model, patient.inputs)
  const tensors = model.parameters.map((spec, stream) => tensorOf(patient, spec, stream))
  const numSlots = initialState(patient.optimizer).length
  return {
    model,
    weights: {
      parameters: tensors.map(({ values }) => values),
      slots: Array.from({ length: numSlots }, (_, s) => tensors.map(({ slots }) => slots[s]!)),
    },
  }
}

function tensorOf(patient: Patient, spec: ParameterSpec, stream: number): Tensor {
  const known = patient.tensors.get(spec.name)
  if (known) return known
  const values = new Float32Array(sizeOf(spec.shape))
  initialize(spec, patient.seed, stream, values)
  return freshTensor(values, patient.optimizer)
}

export function freshTensor(values: Float32Array, optimizer: OptimizerConfig): Tensor {
  return { values, slots: initialState(optimizer).map((value) => new Float32Array(values.length).fill(value)) }
}

/** The patient with these values in place of the ones it had; their optimizer state begins anew. */
export function withValues(patient: Patient, values: ReadonlyMap<string, Float32Array>): Patient {
  const tensors = new Map(patient.tensors)
  for (const [name, next] of values) tensors.set(name, freshTensor(next, patient.optimizer))
  return { ...patient, tensors }
}

/** The patient with these tensors, their optimizer state included. */
export const withTensors = (patient: Patient, tensors: ReadonlyMap<string, Tensor>): Patient => ({
  ...patient,
  tensors,
})

/** The patient with the optimizer's state at its beginning. */
export function withFreshState(patient: Patient): Patient {
  const tensors = new Map<string, Tensor>()
  for (const [name, { values }] of patient.tensors) tensors.set(name, freshTensor(values, patient.optimizer))
  return { ...patient, tensors, updates: 0 }
}

/** The configs with the names that the built layers have, so that a layer keeps its name wherever it is moved. */
function withNames(configs: readonly LayerConfig[], layers: readonly Layer[], prefix = ''): LayerConfig[] {
  return configs.map((config, i) => {
    const layer = layers[i]!
    const named = { ...config, name: layer.name.slice(prefix.length) }
    if (!('layers' in named) || !layer.children) return named
    return { ...named, layers: withNames(named.layers, layer.children, `${layer.name}/`) }
  })
}
