/** Data out of scale: features are standardised on their way in; targets are met by the last layer. */
import { thresholds } from '../../gradient/thresholds.ts'
import { lossIsSquared, withValues } from '../patient.ts'
import type { Remedy } from '../remedy.ts'

const { low, high } = thresholds.scale
const isOut = (value: number) => value > high || value < low

export const scaleInputs: Remedy = {
  name: 'standardise inputs',
  limit: 1,
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
 * The last layer's kernel is multiplied by the targets' deviation s, its bias starts at their mean; plain gradients grow
 * with s^2, so a rate that is multiplied by them falls by as much.
 */
export const scaleTargets: Remedy = {
  name: 'meet the scale of the targets',
  limit: 1,
  treat({ start, data }) {
    const { targetMean, targetDeviation: s, target } = data
    const last = start.model.layers.at(-1)
    if (last?.type !== 'dense' || !lossIsSquared(start) || !isOut(target) || !(s > 0)) return null
    if ((last.activation?.type ?? 'linear') !== 'linear') return null
    const kernel = start.tensors.get(`${last.name!}/kernel`)!.values
    const values = new Map([[`${last.name!}/kernel`, kernel.map((w) => w * s)]])
    if (start.tensors.has(`${last.name!}/bias`)) values.set(`${last.name!}/bias`, Float32Array.from(targetMean))
    const scaled = withValues(start, values)
    const { optimizer } = start
    const changes = [`${last.name!}: weights x ${Number(s.toPrecision(3))}, biases at the mean of the targets`]
    if (optimizer.type !== 'sgd') return { patient: scaled, changes, then: 'restart' }
    const learningRate = optimizer.learningRate / s ** 2
    changes.push(`learning rate ${optimizer.learningRate} -> ${Number(learningRate.toPrecision(3))}`)
    return { patient: { ...scaled, optimizer: { ...optimizer, learningRate } }, changes, then: 'restart' }
  },
}
