/** What a verdict means, for people: one sentence each, and what helps, the mildest first. */
import type { HealthCode, HealthVerdict } from './verdict.ts'

type Said = Pick<HealthVerdict, 'code' | 'step' | 'layer' | 'part' | 'evidence'>

/** A number with three significant digits: `1.74e+15` for one that nobody could read. */
const figure = (value: number): string =>
  Math.abs(value) >= 1e6 && Number.isFinite(value) ? value.toExponential(2) : String(Number(value.toPrecision(3)))
const decades = (value: number): string => `${figure(Math.abs(value))} powers of ten`
const share = (value: number): string => `${Math.round(100 * value)} %`

interface Advice {
  /** Several where a verdict has more than one kind of evidence. */
  readonly signal: string | readonly string[]
  readonly remedies: readonly string[]
  readonly say: (verdict: Said) => string
}

/** What a batch gave at first, before it was computed again with another result. */
const FIRST = { loss: 'loss, computed first', gradNorm: 'gradient norm, computed first' } as const
const ofMachine = ({ evidence: { signal, value, baseline } }: Said): string | undefined =>
  signal === FIRST.loss || signal === FIRST.gradNorm
    ? `The batch was computed again with another result (${signal.split(',')[0]} ${figure(value)}, then ` +
      `${figure(baseline)}): it is the machine, and the last result counts`
    : undefined

const at = ({ layer }: Said) => (layer === undefined ? '' : ` in layer ${layer}`)

export const advice: Readonly<Record<HealthCode, Advice>> = {
  HEALTHY: { signal: 'all', remedies: [], say: () => 'Nothing is wrong' },
  GRAD_SPIKE: {
    signal: ['z of ln(gradient norm)', FIRST.gradNorm],
    remedies: ['skip the batch', "clip: 'auto'", 'lower the learning rate'],
    say: (v) => ofMachine(v) ?? `The gradient norm is ${figure(v.evidence.value)} deviations above its recent median`,
  },
  NONFINITE_LOSS: {
    signal: ['loss', FIRST.loss],
    remedies: ['skip the batch', 'look for bad numbers in the data', 'lower the learning rate'],
    say: (v) => ofMachine(v) ?? `The loss is not finite (${v.evidence.value})`,
  },
  NONFINITE_GRAD: {
    signal: ['gradient norm', FIRST.gradNorm],
    remedies: ['skip the batch', 'look for bad numbers in the data', 'lower the learning rate'],
    say: (v) => ofMachine(v) ?? `The gradient is not finite (norm ${v.evidence.value})`,
  },
  NONFINITE_PARAM: {
    signal: 'parameters',
    remedies: ['skip the batch', 'lower the learning rate'],
    say: () => 'The update would leave parameters that are not finite',
  },
  GRAD_EXPLODING: {
    signal: ['growth of the gradient norm', 'loss', 'spikes of the gradient norm'],
    remedies: ["clip: 'auto'", 'halve the learning rate', 'go back to the last healthy state', 'insert normalisation'],
    say: ({ evidence: { signal, value, baseline, window } }) => {
      switch (advice.GRAD_EXPLODING.signal.indexOf(signal)) {
        case 0:
          return `The gradient explodes: its norm has grown ${figure(value)}-fold`
        case 1:
          return `The training explodes: a loss of ${figure(value)}, where the best constant answer has ${figure(baseline)}`
        default:
          return `The gradient explodes: ${figure(value)} spikes of its norm within ${window} steps`
      }
    },
  },
  SIGNAL_OVERSCALE: {
    signal: 'initial loss over that of the best constant',
    remedies: ['standardise the inputs', 'rescale the weights layer by layer', 'He or Glorot initialisation'],
    say: ({ evidence }) =>
      `Signals are too large before the first step: ${figure(evidence.value)} where ${figure(evidence.threshold)} is the limit`,
  },
  GRAD_VANISHING: {
    signal: 'log10 of relative gradient, first over last hidden layer',
    remedies: [
      'ReLU with He initialisation instead of sigmoid or tanh',
      'insert normalisation',
      'shortcuts',
      'fewer layers',
    ],
    say: (v) =>
      `The gradient vanishes on its way back: it falls by ${decades(v.evidence.value)} from the last hidden layer to the first`,
  },
  SIGNAL_COLLAPSE: {
    signal: 'log10 of the signal across the network',
    remedies: ['rescale the weights layer by layer', 'He initialisation', 'raise the learning rate', 'Adam'],
    say: (v) => `Signals die out across the network: they fall by ${decades(v.evidence.value)}`,
  },
  ZERO_GRADIENT: {
    signal: 'gradient norm',
    remedies: ['revive dead units', 'new initial weights', 'check that the loss depends on the weights'],
    say: () => 'The gradient is exactly zero, though there is much to learn',
  },
  DEAD_LAYER: {
    signal: 'share of active units',
    remedies: ['revive dead units', 'PReLU or leaky ReLU', 'halve the learning rate', 'insert normalisation'],
    say: (v) => `No unit${at(v)} is active on a whole batch: nothing before it can learn`,
  },
  DEAD_UNITS: {
    signal: 'share of units silent for long',
    remedies: ['revive dead units', 'PReLU or leaky ReLU', 'halve the learning rate', 'insert normalisation'],
    say: (v) => `${share(v.evidence.value)} of the units${at(v)} have been silent for ${v.evidence.window} samples`,
  },
  SATURATED: {
    signal: 'share of units with a flat derivative',
    remedies: ['scale the layer down', 'insert normalisation', 'ReLU instead'],
    say: (v) => `${share(v.evidence.value)} of the units${at(v)} are saturated: their derivative is almost 0`,
  },
  SHATTERED: {
    signal: 'cosine of gradients at neighbouring inputs',
    remedies: ['shortcuts', 'normalisation', 'fewer layers'],
    say: (v) =>
      `Gradients of neighbouring inputs hardly agree (cosine ${figure(v.evidence.value)}): they look like noise to the optimizer`,
  },
  LOSS_OSCILLATING: {
    signal: ['variance of the loss between steps over that within one', 'share of the steps at which the loss turns'],
    remedies: ['halve the learning rate', 'less momentum', 'a larger batch', 'Adam'],
    say: (v) =>
      v.evidence.signal === advice.LOSS_OSCILLATING.signal[1]
        ? `The loss turns at ${share(v.evidence.value)} of the steps, and gets nowhere`
        : `The loss swings ${figure(v.evidence.value)} times as much as its batches explain, and gets nowhere`,
  },
  LOSS_DIVERGING: {
    signal: 'explained share',
    remedies: ['halve the learning rate', 'go back to the last healthy state'],
    say: (v) =>
      `The loss has left its best far behind: explained ${figure(v.evidence.value)} after ${figure(v.evidence.baseline)}`,
  },
  STALLED: {
    signal: 'gain of the explained share',
    remedies: ['raise the learning rate', 'Adam', 'other initial weights'],
    say: (v) => `Nothing was gained in ${v.evidence.window} steps`,
  },
  UPDATE_TOO_SMALL: {
    signal: ['log10 of the relative update', 'gradient of a layer that a signal comes back to'],
    remedies: ['raise the learning rate', 'Adam', 'a wider clip', "gradient: 'whole', for a layer without a gradient"],
    say: (v) =>
      v.evidence.signal === advice.UPDATE_TOO_SMALL.signal[1]
        ? `No gradient at all arrives${at(v)}, though a signal comes back to it: it stays as it is`
        : `Updates are too small to get anywhere: weights change by 1e${Math.round(v.evidence.value)} of themselves`,
  },
  UPDATE_TOO_LARGE: {
    signal: 'log10 of the relative update',
    remedies: ['halve the learning rate', 'clip'],
    say: (v) =>
      `Updates are too large: weights change by ${share(10 ** v.evidence.value)} of themselves in a step, and nothing is gained`,
  },
  SYMMETRIC_INIT: {
    signal: 'units with the same weights',
    remedies: ['random initial weights'],
    say: (v) => `Units${at(v)} start with the same weights, and would stay the same for ever`,
  },
  INIT_VARIANCE: {
    signal: 'variance of the weights over what the activation wants',
    remedies: ['He initialisation for ReLU, Glorot for tanh and sigmoid'],
    say: (v) =>
      `The initial weights${at(v)} have ${figure(v.evidence.value)} times the variance that keeps signals level`,
  },
  NARROW_DEEP: {
    signal: 'sum of 1 / width over the hidden layers',
    remedies: ['wider layers', 'shortcuts', 'fewer layers'],
    say: (v) =>
      `The network is narrow for its depth (sum of 1 / width ${figure(v.evidence.value)}): gradients vary wildly from one initialisation to the next`,
  },
  LR_IMPLAUSIBLE: {
    signal: ['predicted first relative update', 'learning rate x weight decay', 'steps of the warm-up over all steps'],
    remedies: [
      'a learning rate that changes weights by about 0.001 of themselves',
      'less weight decay',
      'a shorter warm-up',
    ],
    say: (v) =>
      v.evidence.signal === advice.LR_IMPLAUSIBLE.signal[2]
        ? `The warm-up takes ${figure(v.evidence.value)} times as many steps as the run has: the rate never gets to what it should be`
        : v.evidence.signal === advice.LR_IMPLAUSIBLE.signal[1]
          ? `Weight decay takes ${share(v.evidence.value)} off the weights in every step: what is learnt is forgotten at once`
          : `The first step would change the weights${at(v)} by ${figure(v.evidence.value)} of themselves`,
  },
  INPUT_SCALE: {
    signal: 'root mean square of a feature',
    remedies: ["data.scale: 'standardize'", 'drop constant features'],
    say: (v) => `Features are out of scale: root mean square ${figure(v.evidence.value)}`,
  },
  TARGET_SCALE: {
    signal: 'root mean square of the targets',
    remedies: ["data.scaleTarget: 'standardize'"],
    say: (v) => `Targets are out of scale: root mean square ${figure(v.evidence.value)}`,
  },
  SHARD_ANOMALY: {
    signal: [
      'parts with one and the same gradient',
      'checks at which its gradient was the same',
      'checks at which its gradient was 0',
      "gradient over the others'",
    ],
    remedies: ['look at how this part of the batch is made and summed', 'look at its rows'],
    say: ({ part, evidence }) => {
      const who = `Part ${part} of the batch`
      switch (advice.SHARD_ANOMALY.signal.indexOf(evidence.signal)) {
        case 0:
          return `All ${figure(evidence.value)} parts of the batch have the same gradient, as if it had been summed before`
        case 1:
          return `${who} repeats its gradient, while the others change`
        case 2:
          return `${who} gives no gradient at all, while the others do`
        default:
          return `${who} has ${figure(evidence.value)} times the gradient of the others, again and again`
      }
    },
  },
  REPLICA_DIVERGENCE: {
    signal: 'squares of the weights',
    remedies: ['go back to the last healthy state', 'look for what else writes to this memory'],
    say: () => 'The weights are not what the last update left: memory was changed from outside',
  },
  BATCH_ADVICE: {
    signal: 'batch size over the noise scale',
    remedies: ['a batch nearer to the noise scale'],
    say: ({ evidence }) =>
      `The batch is ${figure(evidence.value)} times the noise scale of ${figure(evidence.baseline)} samples: ` +
      (evidence.value > 1
        ? 'a smaller one would learn as much from fewer samples'
        : 'a larger one, or a lower rate, would make steadier steps'),
  },
  CONVERGED: { signal: 'explained share', remedies: [], say: (v) => `Converged: ${share(v.evidence.value)} explained` },
  OWN_GRADIENT: {
    signal: ['rows', 'gradient with respect to'],
    remedies: ['`npx brigantine check-gradients` with this config', '`health: { ownGradients: false }` if it is meant'],
    say: ({ layer, evidence: { signal, value } }) => {
      const who = layer === undefined ? 'your own loss' : `your own layer ${layer}`
      return signal === advice.OWN_GRADIENT.signal[0]
        ? `Rows of ${who} depend on other rows of the batch: see \`npx brigantine check-gradients\``
        : `The ${signal} that ${who} gives is ${share(value)} off what its results say: see \`npx brigantine check-gradients\``
    },
  },
}

/** What was measured; `kind` where a verdict has more than one kind of evidence. */
export function signalOf(code: HealthCode, kind = 0): string {
  const { signal } = advice[code]
  return typeof signal === 'string' ? signal : signal[kind]!
}

/** A verdict with its words. */
export function sayVerdict(verdict: Omit<HealthVerdict, 'sentence' | 'remedies'>): HealthVerdict {
  const { remedies, say } = advice[verdict.code]
  const when = verdict.step < 0 ? 'before the first step' : `at step ${verdict.step}`
  return { ...verdict, remedies, sentence: `${say(verdict)} (${when}).` }
}
