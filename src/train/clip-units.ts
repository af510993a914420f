/** Adaptive clipping in the step: between the decision and the update, one piece a tensor. The readable twin is adaptiveClip_. */
import { clipCoefficient } from '../gradient/coefficient.ts'

/**
 * Scales, in place, the gradient of each unit to at most `lambda` times the norm of its weights.
 * A matrix (row-major, `rows` x `cols`) has a unit a column; a vector is one unit.
 * @param perWeight what makes the summed gradient a mean
 * @returns sum of squares of the mean gradient afterwards
 */
export function clipUnits(
  floats: Float32Array,
  gradient: number,
  weights: number,
  rows: number,
  cols: number,
  perWeight: number,
  lambda: number,
  epsilon: number,
): number {
  const units = rows === 1 ? 1 : cols
  const size = rows === 1 ? cols : rows
  const step = rows === 1 ? 1 : cols
  let total = 0
  for (let unit = 0; unit < units; unit++) {
    let [ours, theirs] = [0, 0]
    for (let i = 0, at = unit; i < size; i++, at += step) {
      ours += floats[gradient + at]! ** 2
      theirs += floats[weights + at]! ** 2
    }
    const norm = Math.sqrt(ours) * perWeight
    const coefficient = clipCoefficient(norm, lambda * Math.max(Math.sqrt(theirs), epsilon))
    total += (norm * coefficient) ** 2
    if (coefficient === 1) continue
    for (let i = 0, at = unit; i < size; i++, at += step) floats[gradient + at]! *= coefficient
  }
  return total
}
