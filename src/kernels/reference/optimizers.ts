/** Optimizer rules, one parameter at a time. `r` rounds after every operation, as float32 registers would. */
import type { OptimizerKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

const LEAST_NORMAL = 2 ** -126

/** Subnormal to 0, as the interface says of states that decay. */
const flush = (state: number) => (Math.abs(state) < LEAST_NORMAL ? 0 : state)

export function referenceOptimizers(f: Floats, r: Round): OptimizerKernels {
  /** The gradient that a rule sees: scaled, clamped, with the coupled weight decay. */
  function gradient(g: number, p: number, scale: number, clip: number, weightDecay: number): number {
    const clamped = Math.max(Math.min(r(g * r(scale)), r(clip)), -r(clip))
    return weightDecay === 0 ? clamped : r(clamped + r(r(weightDecay) * p))
  }
  const decayed = (old: number, rate: number, value: number) => flush(r(r(r(rate) * old) + r(r(1 - rate) * value)))

  return {
    sgd(count, p, g, v, scale, clip, lr, momentum, nesterov, weightDecay) {
      let largest = 0
      for (let i = 0; i < count; i++) {
        const old = f[p + i]!
        let d = gradient(f[g + i]!, old, scale, clip, weightDecay)
        if (momentum !== 0) {
          const velocity = flush(r(r(r(momentum) * f[v + i]!) + d))
          f[v + i] = velocity
          d = nesterov ? r(d + r(r(momentum) * velocity)) : velocity
        }
        f[p + i] = old - r(r(lr) * d)
        largest = Math.max(largest, Math.abs(f[p + i]!))
      }
      return largest
    },
    adam(count, p, g, m, v, scale, clip, lr, beta1, beta2, epsilon, weightDecay, decoupled, correction1, correction2) {
      const decay = r(decoupled ? 1 - lr * weightDecay : 1)
      let largest = 0
      for (let i = 0; i < count; i++) {
        const d = gradient(f[g + i]!, f[p + i]!, scale, clip, decoupled ? 0 : weightDecay)
        const first = decayed(f[m + i]!, beta1, d)
        const second = decayed(f[v + i]!, beta2, r(d * d))
        f[m + i] = first
        f[v + i] = second
        const denominator = r(r(r(Math.sqrt(second)) * r(1 / Math.sqrt(correction2))) + r(epsilon))
        f[p + i] = r(f[p + i]! * decay) - r(r(lr / correction1) * r(first / denominator))
        largest = Math.max(largest, Math.abs(f[p + i]!))
      }
      return largest
    },
    rmsprop(count, p, g, s, v, scale, clip, lr, rho, epsilon, momentum, weightDecay) {
      let largest = 0
      for (let i = 0; i < count; i++) {
        let d = gradient(f[g + i]!, f[p + i]!, scale, clip, weightDecay)
        const square = decayed(f[s + i]!, rho, r(d * d))
        f[s + i] = square
        d = r(d / r(r(Math.sqrt(square)) + r(epsilon)))
        if (momentum !== 0) {
          d = flush(r(r(r(momentum) * f[v + i]!) + d))
          f[v + i] = d
        }
        f[p + i] = f[p + i]! - r(r(lr) * d)
        largest = Math.max(largest, Math.abs(f[p + i]!))
      }
      return largest
    },
    adagrad(count, p, g, s, scale, clip, lr, epsilon, weightDecay) {
      let largest = 0
      for (let i = 0; i < count; i++) {
        const d = gradient(f[g + i]!, f[p + i]!, scale, clip, weightDecay)
        const square = r(f[s + i]! + r(d * d))
        f[s + i] = square
        f[p + i] = f[p + i]! - r(r(r(lr) * d) / r(r(Math.sqrt(square)) + r(epsilon)))
        largest = Math.max(largest, Math.abs(f[p + i]!))
      }
      return largest
    },
  }
}
