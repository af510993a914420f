/**
 * Amazon SageMaker Debugger's built-in rules at their defaults, looked at every step (by default it saves every 500th,
 * which would show it one or two of these runs). LossNotDecreasing and PoorWeightInitialization, which fire on nearly
 * every run, are in the second set only.
 */
import type { StepSignals } from '../signals.ts'
import { everyGradientFinite, isRelu } from './rule.ts'
import type { Answer, Rival } from './rule.ts'

export const sageMaker = (all: boolean): Rival => ({
  name: all ? 'SageMaker Debugger, all rules' : 'SageMaker Debugger',
  source: 'awsdocs/amazon-sagemaker-developer-guide:doc_source/debugger-built-in-rules.md',
  start() {
    const losses: number[] = []
    let unchanged: number[] = []
    return (s) => {
      losses.push(s.loss)
      unchanged = s.changes.map(({ isClose }, i) => (isClose ? (unchanged[i] ?? 0) + 1 : 0))
      if (!everyGradientFinite(s)) return { alarm: 'exploding' }
      if (s.gradients.some(({ meanAbs }) => meanAbs < 1e-7)) return { alarm: 'vanishing' }
      if (isRelu(s.activation) && s.layers.some(({ inactive }) => inactive > 0.5)) return { alarm: 'dead' }
      if (s.layers.some(({ saturated }) => saturated > 0.5)) return { alarm: 'vanishing' }
      if (s.changes.some(({ norm }) => norm > 10)) return { alarm: 'exploding' }
      if (s.changes.some(({ norm }) => norm < 1e-8)) return { alarm: 'stalled' }
      if (s.weights.some(({ zeros, size }) => zeros === size)) return { alarm: 'symmetric' }
      if (unchanged.some((steps) => steps >= 3)) return { alarm: 'stalled' }
      return all ? more(s, losses) : {}
    }
  },
})

function more(s: StepSignals, losses: readonly number[]): Answer {
  const variances = s.weights.map(({ variance }) => variance)
  if (s.step < 10 && Math.max(...variances) > 10 * Math.min(...variances)) return { alarm: 'overscale' }
  return losses.length > 10 && s.step % 10 === 0 && s.loss >= losses.at(-11)! ? { alarm: 'stalled' } : {}
}
