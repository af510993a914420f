/**
 * AutoTrainer (Zhang et al., ICSE 2021; thresholds of its Table I and its code): vanishing and exploding by the ratio of
 * the first kernel's gradient norm to the last one's, dying ReLU by the share of zero gradients, oscillation and slow
 * convergence by the accuracy of epochs. As published it looks every third epoch, after 30 % of the epochs, and only
 * where accuracy never passed Theta or never rose; without its gates it looks at the gradient of every step.
 */
import type { Class } from '../case.ts'
import type { StepSignals } from '../signals.ts'
import { everyGradientFinite } from './rule.ts'
import type { Rival } from './rule.ts'

const beta = [1e-3, 1e-4, 70] as const
const [gamma, zeta, eta, delta, theta] = [0.7, 0.03, 0.2, 0.01, 0.7]
const [everyEpochs, judgementPoint] = [3, 0.3]

export const autoTrainer = (gated: boolean): Rival => ({
  name: gated ? 'AutoTrainer' : 'AutoTrainer, ungated',
  source: 'doi 10.1109/ICSE43902.2021.00043, Table I; shiningrain/AUTOTRAINER:AutoTrainer/utils/monitor.py',
  start(epochs) {
    const accuracies: number[] = []
    const seen = new Set<Class>()
    let [sum, steps] = [0, 0]
    return (s) => {
      sum += s.accuracy
      steps++
      if (s.lastOfEpoch) {
        accuracies.push(sum / steps)
        ;[sum, steps] = [0, 0]
      }
      const isChecked = s.lastOfEpoch && accuracies.length % everyEpochs === 0
      if (gated && !isChecked) return {}
      if (!everyGradientFinite(s) || s.loss >= 1e3) return { alarm: 'exploding' }
      if (!gated) return { alarm: symptom(s) ?? (s.lastOfEpoch ? byAccuracy(accuracies) : undefined) }
      const found = symptom(s)
      if (found) seen.add(found)
      if (accuracies.length < judgementPoint * epochs) return {}
      const learns = Math.max(...accuracies) >= theta && largestRise(accuracies) >= delta
      if (learns) return { alarm: oscillates(accuracies) ? 'oscillating' : undefined }
      const first = (['dead', 'exploding', 'vanishing'] as const).find((each) => seen.has(each))
      return { alarm: first ?? byAccuracy(accuracies) }
    }
  },
})

function symptom({ gradients, zeroShare }: StepSignals): Class | undefined {
  const first = gradients[0]!.norm
  const ratio = first / gradients.at(-1)!.norm
  if (zeroShare >= gamma) return 'dead'
  if (ratio > beta[2]) return 'exploding'
  return ratio < beta[0] && first < beta[1] ? 'vanishing' : undefined
}

/** Where there is no accuracy (NaN), nothing is said. */
function byAccuracy(accuracies: readonly number[]): Class | undefined {
  if (accuracies.length < everyEpochs) return undefined
  if (largestRise(accuracies) < delta) return 'stalled'
  return oscillates(accuracies) ? 'oscillating' : undefined
}

const largestRise = (accuracies: readonly number[]): number =>
  accuracies.slice(1).reduce((most, value, i) => Math.max(most, value - accuracies[i]!), 0)

/** The i-th local maximum against the i-th local minimum. */
function oscillates(accuracies: readonly number[]): boolean {
  const [tops, bottoms]: [number[], number[]] = [[], []]
  for (let i = 1; i < accuracies.length - 1; i++) {
    const [before, at, after] = [accuracies[i - 1]!, accuracies[i]!, accuracies[i + 1]!]
    if (at >= before && at >= after) tops.push(at)
    if (at <= before && at <= after) bottoms.push(at)
  }
  const swings = tops.filter((top, i) => top - bottoms[i]! >= zeta).length
  return swings >= eta * accuracies.length
}
