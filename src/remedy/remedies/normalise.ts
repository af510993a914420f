/** Batch normalisation put in without a change of what the network computes (as in Net2Net: Chen et al. 2016, arXiv 1511.05641). */
import type { LayerConfig } from '../../model/config.ts'
import { lookInside } from '../look.ts'
import type { Seen } from '../look.ts'
import { freshTensor } from '../patient.ts'
import { activationOf, hiddenDense, rewrite } from '../tree.ts'
import type { Remedy } from '../remedy.ts'

/** Of the layer, which is told here because gamma has to undo it. */
const EPSILON = 1e-3

/**
 * Each hidden dense layer's product z is normalised before its activation: gamma = sqrt(var z + epsilon) and beta = mean z
 * over the sample, and the running statistics the same, so that the outputs stay as they were to about 1e-6.
 */
export const insertNorm: Remedy = {
  name: 'insert batch normalisation',
  limit: 1,
  async treat({ now, calibration }) {
    if (!now.canNormalise || now.batchSize === 1) return null
    const hidden = new Set(hiddenDense(now.model).map(({ path }) => path))
    const { layers: seen } = await lookInside(now, calibration)
    const byPath = new Map(seen.map((one) => [one.path, one]))
    const tensors = new Map(now.tensors)
    const changes: string[] = []
    const layers = rewrite(now.model.layers, ({ path, config }): LayerConfig[] => {
      if (config.type !== 'dense' || !hidden.has(path) || activationOf(config) === 'linear') return [config]
      const moments = momentsOf(byPath.get(path)!)
      if (!moments) return [config]
      const name = `${config.name!}_norm`
      const at = `${path}_norm`
      tensors.set(
        `${at}/gamma`,
        freshTensor(
          moments.variance.map((v) => Math.sqrt(v + EPSILON)),
          now.optimizer,
        ),
      )
      tensors.set(`${at}/beta`, freshTensor(moments.mean.slice(), now.optimizer))
      tensors.set(`${at}/movingMean`, freshTensor(moments.mean, now.optimizer))
      tensors.set(`${at}/movingVariance`, freshTensor(moments.variance, now.optimizer))
      changes.push(`${path}: batch normalisation before its ${activationOf(config)}`)
      return [
        { ...config, activation: undefined },
        { type: 'batchNorm', name, epsilon: EPSILON },
        { type: 'activation', name: `${name}ed`, activation: config.activation! },
      ]
    })
    if (changes.length === 0) return null
    return { patient: { ...now, model: { ...now.model, layers }, tensors }, changes, then: 'continue' }
  },
}

/** By unit over the sample's rows; `undefined` where they are not finite. */
function momentsOf({ output, outputs }: Seen): { mean: Float32Array; variance: Float32Array } | undefined {
  const rows = output.length / outputs
  const mean = new Float32Array(outputs)
  const variance = new Float32Array(outputs)
  for (let unit = 0; unit < outputs; unit++) {
    let [sum, squares] = [0, 0]
    for (let r = 0; r < rows; r++) sum += output[r * outputs + unit]!
    for (let r = 0; r < rows; r++) squares += (output[r * outputs + unit]! - sum / rows) ** 2
    if (!Number.isFinite(sum) || !Number.isFinite(squares)) return undefined
    mean[unit] = sum / rows
    variance[unit] = squares / rows
  }
  return { mean, variance }
}
