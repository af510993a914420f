/**
 * Dropout of whole channels (Tompson et al. 2015, arXiv 1411.4280): neighbouring positions say nearly the same, so that
 * dropping single ones drops little. The mask is that of `dropout`, of (seed, layer, batch, row, channel), at each position.
 */
import type { SpatialDropoutConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import type { Shape } from '../shape.ts'
import { masked } from './dropout.ts'
import { expectRank } from './window.ts'

export function spatialDropout({ type, rate }: SpatialDropoutConfig, name: string, shape: Shape): Layer {
  expectRank(name, type, shape, type.endsWith('1d') ? 1 : 2)
  return masked(type, name, shape, rate, shape.at(-1)!)
}
