/**
 * TheDeepChecker (Ben Braiek and Khomh, TOSEM 2022): its checks of gradients, weights, activations and loss, every tenth
 * step from the tenth on, and of the initial weights and loss. Left out: the tests that train on their own (fitting a
 * single batch), the F-tests of the initial variance, and the two checks of the loss curve without a fault in this
 * suite (smoothness, correlation with the metric); all of them would only add alarms.
 */
import type { StepSignals } from '../signals.ts'
import { everyGradientFinite } from './rule.ts'
import type { Answer, Rival } from './rule.ts'

const [start, period, window] = [10, 10, 5]
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

export const deepChecker: Rival = {
  name: 'TheDeepChecker',
  source: 'thedeepchecker/thedeepchecker:deep_checker/{checkers,hooks}.py, config/settings.yaml; arXiv 2204.00694',
  start() {
    const losses: number[] = []
    let recent: StepSignals[] = []
    return (s) => {
      if (!everyGradientFinite(s)) return { alarm: 'non-finite' }
      recent = [...recent, s].slice(-period)
      if (s.step % period !== 0) return {}
      losses.push(mean(recent.map(({ loss }) => loss)))
      if (s.step < start) return atStart(s)
      return byGradients(recent) ?? byUpdates(recent) ?? byActivations(s) ?? byLoss(losses) ?? {}
    }
  },
}

function atStart(s: StepSignals): Answer {
  if (s.weights.some(({ variance }) => variance === 0)) return { alarm: 'symmetric' }
  const expected = Math.log(s.classes)
  return s.classes > 1 && Math.abs(s.loss - expected) >= expected ? { alarm: 'overscale' } : {}
}

/** Ratios of each step's value to the one before, over the last four steps. */
function ratios(recent: readonly StepSignals[], of: (s: StepSignals) => number): number[] {
  const last = recent.slice(-window).map(of)
  return last.length < window ? [] : last.slice(1).map((value, i) => value / last[i]!)
}

const all = (values: readonly number[], holds: (value: number) => boolean) => values.length > 0 && values.every(holds)

function byGradients(recent: readonly StepSignals[]): Answer | undefined {
  const kernels = recent.at(-1)!.gradients.map(({ meanAbs }, i) => ({
    meanAbs,
    steps: ratios(recent, ({ gradients }) => gradients[i]!.meanAbs),
  }))
  const weights = recent.at(-1)!.weights.map((_, i) => ratios(recent, (s) => s.weights[i]!.meanAbs))
  if (kernels.some(({ meanAbs, steps }) => meanAbs < 1e-6 || all(steps, (r) => r <= 0.5))) return { alarm: 'vanishing' }
  if (kernels.some(({ meanAbs, steps }) => meanAbs > 1e6 || all(steps, (r) => r >= 2))) return { alarm: 'exploding' }
  if (recent.at(-1)!.weights.some(({ meanAbs }) => meanAbs > 1e8)) return { alarm: 'exploding' }
  return weights.some((steps) => all(steps, (r) => r >= 2)) ? { alarm: 'exploding' } : undefined
}

/** Mean log10 of mean |update| over mean |weight|, outside [-4, -1]. */
function byUpdates(recent: readonly StepSignals[]): Answer | undefined {
  for (const i of recent[0]!.weights.keys()) {
    const logs = recent.map(({ changes }) => Math.log10(changes[i]!.meanAbs)).filter(Number.isFinite)
    if (logs.length === 0) return { alarm: 'stalled' }
    if (mean(logs) > -1) return { alarm: 'oscillating' }
    if (mean(logs) < -4) return { alarm: 'stalled' }
  }
  return undefined
}

function byActivations({ activation, layers }: StepSignals): Answer | undefined {
  const isBounded = activation === 'sigmoid' || activation === 'tanh'
  if (isBounded && layers.some(({ filled }) => filled > 0.5)) return { alarm: 'vanishing' }
  if (!isBounded && layers.some(({ silent }) => silent > 0.5)) return { alarm: 'dead' }
  if (layers.some(({ std }) => std > 2)) return { alarm: 'overscale' }
  return layers.some(({ std }) => std < 0.5) ? { alarm: 'collapse' } : undefined
}

/** Of the means of ten steps: four times in a row a fall by less than 5 %, or a rise to twice the value. */
function byLoss(losses: readonly number[]): Answer | undefined {
  const last = losses.slice(-window)
  if (last.length < window) return undefined
  const changes = last.slice(1).map((loss, i) => loss / last[i]!)
  if (changes.every((ratio) => ratio >= 2)) return { alarm: 'exploding' }
  return changes.every((ratio) => 1 - ratio < 0.05) ? { alarm: 'stalled' } : undefined
}
