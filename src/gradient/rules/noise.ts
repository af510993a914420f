/** Advice on the batch size, from the gradients of the parts that a batch is summed from. Each part is smoothed by itself. */
import { signalOf, traceOf } from '../noise-scale.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

export function judgeNoise(state: Float64Array, s: StepSignals): void {
  const { parts, partRows } = s
  if (!(partRows > 0) || parts < 2) return
  const rows = parts * partRows
  let small = 0
  for (let i = 0; i < parts; i++) small += s.partSquares[i]! / (parts * partRows ** 2)
  const big = s.wholeSquares / rows ** 2
  const checks = ++state[F.noiseChecks]!
  const share = Math.max(1 / checks, t.batch.smoothing)
  state[F.noiseSignal]! += share * (signalOf(small, big, partRows, rows) - state[F.noiseSignal]!)
  state[F.noiseTrace]! += share * (traceOf(small, big, partRows, rows) - state[F.noiseTrace]!)
  if (s.step < t.batch.steps || checks < t.batch.checks || state[F.noiseTold] === 1) return
  const scale = state[F.noiseTrace]! / state[F.noiseSignal]!
  if (!(scale > 0)) return
  const ratio = rows / scale
  if (ratio <= t.batch.ratio && ratio >= 1 / t.batch.ratio) return
  state[F.noiseTold] = 1
  const threshold = ratio > 1 ? t.batch.ratio : 1 / t.batch.ratio
  raise(state, Health.BATCH_ADVICE, 'info', -1, ratio, scale, threshold, t.batch.steps)
}
