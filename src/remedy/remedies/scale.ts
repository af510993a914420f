/** Data out of scale: features are standardised on their way in; targets are met by the last layer. */
import { thresholds } from '../../gradient/thresholds.ts'
import type { LayerConfig } from '../../model/config.ts'
import { lossIsSquared, withValues } from '../patient.ts'
import { activationOf } from '../tree.ts'
import type { Remedy } from '../remedy.ts'

const { low, high } = thresholds.scale
const isOut = (value: number) => value > high || value < low

export const scaleInputs: Remedy = {
  name: 'standardise inputs',
  limit: 1,
  isSure: true,
  treat({ start, data }) {
    if (start.model.inputScale || !(data.damaged || isOut(data.feature))) return null
    const { mean, deviation } = data
    const changes = ['features: (x - mean) / deviation', ...(data.damaged ? ['what is not finite: the mean'] : [])]
    return {
      patient: { ...start, model: { ...start.model, inputScale: { mean, deviation } } },
      changes,
      then: 'restart',
    }
  },
}

/**
 * The network learns targets of mean 0 and deviation 1, and a last layer that does not learn gives them their scale s and
 * their mean back: the same as standardised targets. Gradients grow with s^2: what compares with them, a plain rate or a
 * clip, goes with them.
 */
export const scaleTargets: Remedy = {
  name: 'meet the scale of the targets',
  limit: 1,
  isSure: true,
  treat({ start, data }) {
    const { targetMean, targetDeviation: s, target } = data
    const last = start.model.layers.at(-1)
    if (last?.type !== 'dense' || !lossIsSquared(start) || !isOut(target) || !(s > 0)) return null
    if (activationOf(last) !== 'linear' || start.model.inputShape) return null
    const units = last.units
    const name = `${last.name!}_scale`
    const layers: LayerConfig[] = [...start.model.layers, { type: 'dense', name, units, trainable: false }]
    const scaled = withValues(
      { ...start, model: { ...start.model, layers } },
      new Map([
        [`${name}/kernel`, Float32Array.from({ length: units ** 2 }, (_, i) => (i % (units + 1) === 0 ? s : 0))],
        [`${name}/bias`, Float32Array.from(targetMean)],
      ]),
    )
    const changes = [`${name}: outputs x ${figure(s)}, and the mean of the targets`]
    const { optimizer, clip } = start
    const patient =
      clip.mode === 'globalNorm' ? { ...scaled, clip: { ...clip, maxNorm: clip.maxNorm * s ** 2 } } : scaled
    if (optimizer.type !== 'sgd') return { patient, changes, then: 'restart' }
    const learningRate = optimizer.learningRate / s ** 2
    changes.push(`learning rate ${optimizer.learningRate} -> ${figure(learningRate)}`)
    return { patient: { ...patient, optimizer: { ...optimizer, learningRate } }, changes, then: 'restart' }
  },
}

const figure = (value: number): number => Number(value.toPrecision(3))
