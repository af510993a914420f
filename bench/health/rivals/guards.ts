/** DeepLocalize, and what trainers build in against bad steps: OLMo's skip, ZClip, a NaN check with clipping to 1. */
import { everyGradientFinite } from './rule.ts'
import type { Rival } from './rule.ts'

/** Wardat et al., ICSE 2021, as its callback does it. */
export const deepLocalize: Rival = {
  name: 'DeepLocalize',
  source: 'DeepDiagnosis/ICSE2022:callback/callbacks.py; arXiv 2103.03376',
  start() {
    let steps = 0
    const zeros: number[] = []
    const losses: number[] = []
    return (s) => {
      steps++
      losses.push(s.loss)
      if (!everyGradientFinite(s) || s.layers.some(({ finite }) => !finite)) return { alarm: 'non-finite' }
      const means = [...s.layers, ...s.weights, ...s.gradients].map(({ mean }) => mean)
      means.forEach((mean, i) => (zeros[i] = (zeros[i] ?? 0) + (mean === 0 ? 1 : 0)))
      if (steps % 5 !== 0) return {}
      if (zeros.some((count) => count >= steps / 2)) return { alarm: 'dead' }
      const last = losses.slice(-5)
      return last.every((loss) => loss === last[0]) ? { alarm: 'stalled' } : {}
    }
  },
}

/** OLMo-core's SkipStepOptimizer: 6 deviations of the last 128 values, from 64 on, of loss or norm, on either side. */
export const olmoSkip: Rival = {
  name: 'OLMo skip',
  source: 'allenai/OLMo-core:src/olmo_core/optim/skip_step_optimizer.py',
  start() {
    const windows: [number[], number[]] = [[], []]
    return ({ loss, gradNorm }) => {
      const isOut = [loss, gradNorm].map((value, i) => {
        const window = windows[i]!
        const previous = window.slice(-128)
        window.push(value)
        if (previous.length < 64) return false
        const mean = previous.reduce((sum, v) => sum + v, 0) / previous.length
        const std = Math.sqrt(previous.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (previous.length - 1))
        return !(Math.abs(value - mean) <= 6 * std)
      })
      return isOut.some(Boolean) ? { alarm: 'exploding', acts: true } : {}
    }
  },
}

/** ZClip: z of the norm over its running mean and variance above 2.5, after 25 steps. */
export const zClip: Rival = {
  name: 'ZClip',
  source: 'bluorion-com/ZClip:zclip/zclip.py; arXiv 2504.02507',
  start() {
    const [alpha, threshold, warmup] = [0.97, 2.5, 25]
    const first: number[] = []
    let [mean, variance] = [0, 0]
    return ({ gradNorm }) => {
      if (first.length < warmup) {
        first.push(gradNorm)
        mean = first.reduce((sum, v) => sum + v, 0) / first.length
        variance = first.reduce((sum, v) => sum + (v - mean) ** 2, 0) / first.length
        return {}
      }
      const std = Math.sqrt(variance)
      const z = (gradNorm - mean) / (std + 1e-6)
      const clipped = z > threshold ? mean + (threshold * std) / (z / threshold) : gradNorm
      mean = alpha * mean + (1 - alpha) * clipped
      variance = alpha * variance + (1 - alpha) * (clipped - mean) ** 2
      return z > threshold ? { alarm: 'exploding', acts: true } : {}
    }
  },
}

export const nanCheck: Rival = {
  name: 'NaN check + clip 1.0',
  source: 'common practice',
  start() {
    return (s) => (everyGradientFinite(s) ? { acts: s.gradNorm > 1 } : { alarm: 'non-finite', acts: true })
  },
}
