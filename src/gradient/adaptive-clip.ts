/**
 * Adaptive gradient clipping: the gradient of each unit is held to a share of that unit's own weights.
 * Source: Brock, De, Smith, Simonyan, "High-performance large-scale image recognition without normalization", 2021.
 */
import { describe, UserError } from '../errors.ts'
import { clipCoefficient } from './coefficient.ts'

export interface AdaptiveClipOptions {
  /** Largest ratio of a unit's gradient norm to its weight norm. Default 0.01. */
  readonly lambda?: number
  /** Least weight norm, so that units initialised to 0 can move. Default 1e-3. */
  readonly epsilon?: number
  /** Whether a unit's weights are a row or a column of the matrix. Default 'columns' (inputs x units). */
  readonly units?: 'rows' | 'columns'
}

/**
 * Scales, in place, the gradient of every unit whose norm exceeds lambda * max(norm of its weights, epsilon); others keep their bits.
 * Both matrices are row-major and `numUnits` wide ('columns') or high ('rows'). A gradient or weight that is not finite
 * leaves the whole matrix as it is. Returns the number of units clipped. Throws `UserError` for shapes and options that do not fit.
 */
export function adaptiveClip_(
  gradient: Float32Array,
  weights: Float32Array,
  numUnits: number,
  options: AdaptiveClipOptions = {},
): number {
  const { lambda = 0.01, epsilon = 1e-3, units = 'columns' } = options
  if (!(lambda > 0)) throw new UserError(`Expected \`lambda\` to be a number > 0, got ${describe(lambda)}.`)
  if (!(epsilon > 0)) throw new UserError(`Expected \`epsilon\` to be a number > 0, got ${describe(epsilon)}.`)
  if (!Number.isInteger(numUnits) || numUnits < 1 || gradient.length % numUnits !== 0) {
    throw new UserError(`Expected \`numUnits\` to divide the ${gradient.length} elements, got ${describe(numUnits)}.`)
  }
  if (weights.length !== gradient.length) {
    throw new UserError(`Expected ${gradient.length} weights, as many as gradients, got ${weights.length}.`)
  }
  const size = gradient.length / numUnits
  const step = units === 'rows' ? 1 : numUnits
  const firstOf = (unit: number) => (units === 'rows' ? unit * size : unit)

  const coefficients = new Float64Array(numUnits)
  for (let unit = 0; unit < numUnits; unit++) {
    const gradNorm = stridedNorm(gradient, firstOf(unit), step, size)
    const weightNorm = stridedNorm(weights, firstOf(unit), step, size)
    if (!Number.isFinite(gradNorm) || !Number.isFinite(weightNorm)) return 0
    coefficients[unit] = clipCoefficient(gradNorm, lambda * Math.max(weightNorm, epsilon))
  }
  let numClipped = 0
  for (let unit = 0; unit < numUnits; unit++) {
    if (coefficients[unit] === 1) continue
    numClipped++
    for (let i = 0, at = firstOf(unit); i < size; i++, at += step) gradient[at]! *= coefficients[unit]!
  }
  return numClipped
}

function stridedNorm(data: Float32Array, first: number, step: number, count: number): number {
  let sum = 0
  for (let i = 0, at = first; i < count; i++, at += step) sum += data[at]! * data[at]!
  return Math.sqrt(sum)
}
