/** Clipping with a memory, for gradients that the caller holds: what the training step does, step after step. */
import { describe, UserError } from '../errors.ts'
import { clipGradNorm_, clipGradsWithNorm_, clipGradValue_ } from './clip.ts'
import type { ClipOptions, ClipResult } from './clip.ts'
import { autoLimit } from './coefficient.ts'
import type { Clip } from './coefficient.ts'
import { detectorStateLength, normQuantile, observe } from './detector.ts'
import { getTotalNorm } from './norm.ts'
import type { NormType } from './norm.ts'
import { distinctGradients } from './tensors.ts'
import type { GradientList } from './tensors.ts'

/**
 * A function that clips, in place, the gradients of one step after another by the mode of the config. With 'auto' and
 * 'quantile' it remembers the last 64 norms; a gradient that is not finite never enters them, and is left as it is.
 * Norms are of the mode's `normType`, else of the options'. 'layerNorm' takes each tensor of the list for a layer; its
 * `coef` is the smallest.
 * Throws `UserError` for a mode or quantile that is none, and for 'adaptive', which needs the weights: see `adaptiveClip_`.
 */
export function createClipper(clip: Clip, options: ClipOptions = {}): (gradients: GradientList) => ClipResult {
  const detector = new Float64Array(detectorStateLength)
  const untouched = (totalNorm: number): ClipResult => ({ totalNorm, coef: 1, clipped: false, nonFinite: null })
  const byLimit = (limitOf: () => number) => (gradients: GradientList) => {
    const norm = getTotalNorm(gradients, options.normType) * (options.scale ?? 1)
    observe(detector, 0, norm)
    const limit = limitOf()
    if (Number.isFinite(norm) && !(norm > limit)) return untouched(norm)
    return clipGradsWithNorm_(gradients, limit, norm / (options.scale ?? 1), options)
  }
  const named = ({ normType }: { readonly normType?: NormType | undefined }): ClipOptions =>
    normType === undefined ? options : { ...options, normType }
  switch (clip.mode) {
    case 'off':
      return (gradients) => untouched(getTotalNorm(gradients, options.normType))
    case 'globalNorm':
      return (gradients) => clipGradNorm_(gradients, clip.maxNorm, named(clip))
    case 'value':
      return (gradients) => clipGradValue_(gradients, clip.value, options)
    case 'auto':
      return byLimit(() => autoLimit(detector))
    case 'quantile': {
      const { quantile } = clip
      if (typeof quantile !== 'number' || !(quantile > 0 && quantile <= 1)) {
        throw new UserError(`Expected \`quantile\` to be a number > 0, at most 1, got ${describe(quantile)}.`)
      }
      return byLimit(() => normQuantile(detector, quantile))
    }
    case 'layerNorm':
      return (gradients) => {
        const each = distinctGradients(gradients).map(({ data }) => clipGradNorm_(data, clip.maxNorm, named(clip)))
        return {
          totalNorm: getTotalNorm(
            Float64Array.from(each, ({ totalNorm }) => totalNorm),
            named(clip).normType,
          ),
          coef: Math.min(1, ...each.map(({ coef }) => coef)),
          clipped: each.some(({ clipped }) => clipped),
          nonFinite: each.find(({ nonFinite }) => nonFinite)?.nonFinite ?? null,
        }
      }
    case 'adaptive':
      throw new UserError(
        "Expected a mode that needs no weights, got 'adaptive'. Use `adaptiveClip_`, matrix by matrix.",
      )
    default:
      throw new UserError(
        "Expected `mode` to be 'globalNorm', 'value', 'layerNorm', 'auto', 'quantile' or 'off', " +
          `got ${describe((clip as { mode?: unknown } | undefined)?.mode)}.`,
      )
  }
}
