/** Streams of step signals for the detector's rules: made of seeds, fed step by step, verdicts read back. */
import { detectorStateLength, DetectorField, observe } from '../../src/gradient/detector.ts'
import { HealthField, healthStateLength, observeHealth, RAISED } from '../../src/gradient/health.ts'
import type { StepSignals } from '../../src/gradient/health.ts'
import { isSampled } from '../../src/gradient/thresholds.ts'
import { healthCodes, severities } from '../../src/gradient/verdict.ts'
import { normals } from './generators.ts'

export interface Step {
  readonly loss: number
  readonly gradNorm: number
}

export interface Raised {
  readonly step: number
  readonly code: string
  readonly severity: string
  readonly layer: number
}

export interface Detector {
  readonly decision: Float64Array
  readonly health: Float64Array
}

export const LAYERS = 4
const PARTS = 4

export const newDetector = (): Detector => ({
  decision: new Float64Array(detectorStateLength),
  health: new Float64Array(healthStateLength(LAYERS, PARTS)),
})

export const copyOf = ({ decision, health }: Detector): Detector => ({
  decision: decision.slice(),
  health: health.slice(),
})

interface Given {
  /** Of loss and gradients; the learning rate is divided by it. */
  readonly unit?: number
  readonly nullLoss?: number
  /** Changes what the layers show. */
  readonly layers?: (signals: StepSignals, step: number) => void
  /** Instead of `observeHealth`. */
  readonly judge?: (state: Float64Array, signals: StepSignals) => void
}

/** What the layers of a healthy network show at this step: noise of a few per cent. */
function fill(s: StepSignals, seed: number, unit: number): void {
  const noise = normals(seed)
  const vary = () => Math.exp(0.05 * noise())
  for (let l = 0; l < LAYERS; l++) {
    s.squares[l] = ((s.gradNorm * s.gradNorm) / LAYERS) * vary()
    s.weights[l] = 5 * vary()
    s.updates[l] = 0.01 * vary()
    s.activations[l] = vary()
    s.backSignals[l] = 1e-2 * unit * vary()
    s.active[l] = 1
    s.silent[l] = 0.05
    s.silentSamples[l] = 10_000
    s.flat[l] = NaN
  }
  for (let p = 0; p < PARTS; p++) s.partSquares[p] = s.gradNorm * s.gradNorm * vary()
}

/** Feeds the steps from `from` on; the detector's state goes on in place. */
export function feed(steps: readonly Step[], given: Given = {}, detector = newDetector(), from = 0): Raised[] {
  const { unit = 1, nullLoss = NaN, layers, judge = observeHealth } = given
  const column = () => new Float64Array(LAYERS)
  const s: StepSignals = {
    ...{ step: 0, loss: 0, nullLoss: nullLoss * unit, gradNorm: 0, z: 0, applied: true, verdict: 0 },
    ...{ mistaken: false, firstLoss: NaN, firstGradNorm: NaN },
    ...{ learningRate: 0.1 / unit, lossVariance: NaN, diverged: false, sampled: false, layers: LAYERS },
    ...{ parts: 0, partSquares: new Float64Array(PARTS), partRows: 0, wholeSquares: 0 },
    ...{ squares: column(), weights: column(), updates: column(), activations: column(), backSignals: column() },
    ...{ active: column(), silent: column(), silentSamples: column(), flat: column() },
  }
  const raised: Raised[] = []
  for (let step = from; step < steps.length; step++) {
    const { loss, gradNorm } = steps[step]!
    s.step = step
    s.loss = loss * unit
    s.gradNorm = gradNorm * unit
    s.verdict = observe(detector.decision, s.loss, s.gradNorm)
    s.z = detector.decision[DetectorField.z]!
    s.applied = Number.isFinite(s.loss) && Number.isFinite(s.gradNorm)
    s.sampled = s.applied && isSampled(step)
    s.parts = isSampled(step) ? PARTS : 0
    s.lossVariance = (0.05 * s.loss) ** 2
    fill(s, step + 1, unit)
    layers?.(s, step)
    judge(detector.health, s)
    for (let i = 0; i < detector.health[HealthField.raisedCount]!; i++) {
      const at = HealthField.raised + i * RAISED
      const [code, severity, layer] = [0, 1, 2].map((word) => detector.health[at + word]!)
      raised.push({ step, code: healthCodes[code!]!, severity: severities[severity!]!, layer: layer! })
    }
  }
  return raised
}

/** Log-normal norms with memory: ln g follows an AR(1) of deviation `sigma`. */
export function noisy(length: number, seed: number, sigma: number, memory = 0, loss = 1): Step[] {
  const next = normals(seed)
  let x = 0
  return Array.from({ length }, () => {
    x = memory * x + Math.sqrt(1 - memory * memory) * sigma * next()
    return { gradNorm: Math.exp(x), loss: loss * Math.exp(0.05 * next()) }
  })
}
