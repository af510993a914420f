/** The run in one sentence, and what to do next. From the record alone. */
import { formatCount, formatMetric, formatNumber } from '../format.ts'
import type { RunEvent, RunRecord } from './record.ts'

export interface Judgement {
  readonly severity: RunEvent['severity']
  /** Two or three words. */
  readonly word: string
  readonly sentence: string
  readonly advice: readonly string[]
}

/** A log that has not changed for so long is of a run that is over. */
const SILENCE_MILLIS = 120_000

export function judge(run: RunRecord, now: number): Judgement {
  const { epochs, skipped, error, stopped } = run
  const last = epochs.at(-1)
  const steps = run.signals.steps
  const worst = gravest(run.events)
  const learnt = progressText(run)
  const skips = skipped > 0 ? `${formatCount(skipped)} batch${skipped === 1 ? ' was' : 'es were'} skipped` : ''
  const base = { advice: advise(run) }
  const open = gravest(openEvents(run))
  if (error !== undefined) {
    const word = worst ? 'stopped for its health' : 'failed'
    return { ...base, severity: 'fault', word, sentence: error }
  }
  if (stopped === undefined && now - run.changedAt < SILENCE_MILLIS) {
    const where = last ? `after epoch ${last.epoch}` : 'in its first epoch'
    return {
      ...base,
      severity: worst?.severity ?? 'info',
      word: 'running',
      sentence: join(`${where}: ${learnt}`, skips),
    }
  }
  const ended = stopped === 'aborted' || stopped === undefined ? 'Interrupted' : 'Trained'
  const word = ended === 'Interrupted' ? 'interrupted' : skipped > 0 || worst ? 'trained, with events' : 'healthy'
  if (last && !Number.isFinite(last.loss)) {
    return {
      ...base,
      severity: 'fault',
      word: 'loss not finite',
      sentence: `The loss was not finite in epoch ${last.epoch}.`,
    }
  }
  if (steps >= 100 && !learns(run)) {
    return {
      ...base,
      severity: 'fault',
      word: 'not learning',
      sentence: [join(`Nothing was learnt: ${learnt}`, skips), open?.text].filter(Boolean).join(' '),
    }
  }
  const isIll = open?.severity === 'fault' && ended === 'Trained'
  const severity = worst?.severity === 'warn' || skipped > 0 ? 'warn' : (worst?.severity ?? 'ok')
  const done = [...new Set(remediesOf(run).map(({ what }) => what))]
  const treated = done.length > 0 ? `treated on the way: ${done.join(', ')}` : ''
  const calm = [skips, treated].filter(Boolean).join('; ') || (worst ? '' : 'no step was out of the ordinary')
  return {
    ...base,
    severity: ended === 'Interrupted' && severity === 'ok' ? 'info' : severity,
    word: isIll ? 'trained, with faults' : word,
    sentence: isIll ? `${join(learnt, calm)} ${open.text}` : join(learnt, calm),
  }
}

const join = (first: string, second: string): string => `${capital(second ? `${first}; ${second}` : first)}.`
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Of those that say that something is wrong. */
function gravest(events: readonly RunEvent[]): RunEvent | undefined {
  const order: readonly string[] = ['warn', 'fault', 'fatal']
  return events
    .filter(({ severity }) => order.includes(severity))
    .reduce<RunEvent | undefined>(
      (worst, one) => (!worst || order.indexOf(one.severity) > order.indexOf(worst.severity) ? one : worst),
      undefined,
    )
}

/** What was done for its health, without what was forgotten again. */
const remediesOf = ({ actions }: RunRecord) => actions.filter(({ isForgotten }) => !isForgotten)

/** Median loss of the first and of the last hundredth of the frames, five at least. */
function ends({ signals }: RunRecord): [number, number] | undefined {
  const values = (signals.series('loss')?.y ?? new Float32Array()).filter(Number.isFinite)
  if (values.length === 0) return undefined
  const few = Math.min(values.length, Math.max(5, Math.floor(values.length / 100)))
  const median = (part: Float32Array) => part.toSorted()[part.length >> 1]!
  return [median(values.subarray(0, few)), median(values.subarray(values.length - few))]
}

function learns(run: RunRecord): boolean {
  const found = ends(run)
  return !found || found[1] < found[0] - 0.01 * Math.abs(found[0])
}

function progressText(run: RunRecord): string {
  const found = ends(run)
  const last = run.epochs.at(-1)
  const shown = Object.entries(last ?? {}).filter(([key]) => /^val_(acc|r2|loss)$/.test(key) || key === 'acc')
  const metric = shown.find(([key]) => key === 'val_acc') ?? shown.find(([key]) => key !== 'val_loss') ?? shown[0]
  const also = metric ? `, ${metric[0]} ${formatMetric(metric[0], metric[1])}` : ''
  if (!found) return last ? `loss ${formatNumber(last.loss!)}${also}` : 'no step was finished'
  const moved = found[1] < found[0] ? 'fell' : 'went'
  return `loss ${moved} from ${formatNumber(found[0])} to ${formatNumber(found[1])} in ${formatCount(run.signals.steps)} steps${also}`
}

/** What helps, by verdict; the first remedies of each. */
const ADVICE: Readonly<Record<string, string>> = {
  GRAD_SPIKE: 'Look at the batches of the spikes in the data; a lower learning rate or a warm-up makes them rarer.',
  GRAD_EXPLODING: 'Clip by the global norm, halve the learning rate, or initialise by He (ReLU) or Glorot (tanh).',
  NONFINITE_LOSS:
    'Look for NaN, infinities or huge values in the data: a loss that is not finite while the gradients before it were small comes from the input.',
  NONFINITE_GRAD: 'Lower the learning rate, or look for activations that overflow (exponential, unnormalised inputs).',
  NONFINITE_PARAM: 'The optimizer would have left numbers that are not finite: lower the learning rate, or clip more.',
  GRAD_VANISHING: 'Use ReLU or leaky ReLU with He initialisation, normalisation, or residual blocks.',
  SIGNAL_OVERSCALE: 'Standardise the inputs, and initialise by He or Glorot.',
  SIGNAL_COLLAPSE: 'Initialise by He, or raise the learning rate of an optimizer without adaptive steps.',
  DEAD_LAYER: 'Initialise anew by He, use leaky ReLU, and lower the learning rate.',
  DEAD_UNITS: 'Use leaky ReLU or PReLU, or lower the learning rate.',
  SATURATED: 'Lower the scale of the weights, or use ReLU.',
  SHATTERED: 'Use residual blocks: in a plain network of this depth gradients are noise.',
  LOSS_OSCILLATING: 'Halve the learning rate, or enlarge the batch.',
  LOSS_DIVERGING: 'Halve the learning rate, and go on from the best checkpoint.',
  STALLED: 'Raise the learning rate, or use Adam.',
  SYMMETRIC_INIT: 'Initialise with random weights.',
  OWN_GRADIENT: 'Run `npx brigantine check-gradients` with this config: it names the tensor whose gradient is wrong.',
}

/** What was seen since the last remedy. */
function openEvents(run: RunRecord): readonly RunEvent[] {
  const treated = remediesOf(run).at(-1)?.step ?? -Infinity
  return run.events.filter(({ step }) => step > treated)
}

function advise(run: RunRecord): string[] {
  const remedies = remediesOf(run)
  const open = openEvents(run)
  const advice = [...new Set(open.map(({ code }) => ADVICE[code]).filter((text) => text !== undefined))]
  if (remedies.length > 0) {
    advice.unshift(
      `To begin with what repair found, write it into the config. ${remedies.map((r) => r.text).join(' ')}`,
    )
  }
  if (run.signals.steps >= 100 && !learns(run) && advice.length === 0) {
    advice.push('Try a learning rate ten times as large, and one ten times as small, for a few epochs each.')
  }
  advice.unshift(...rateRose(run), ...diverged(run), ...withoutGradient(run))
  const validation = run.epochs.map((epoch) => epoch.val_loss ?? NaN)
  const best = validation.reduce(
    (a, b, i) => (b < (validation[a] ?? Infinity) || Number.isNaN(validation[a]) ? i : a),
    0,
  )
  const bestLoss = validation[best]!
  if (validation.at(-1)! > 1.05 * bestLoss && validation.length - best > 3) {
    advice.push(
      `Validation loss was least in epoch ${run.epochs[best]!.epoch} (${formatNumber(bestLoss)}) and has risen to ` +
        `${formatNumber(validation.at(-1)!)}: use best.ckpt, stop early (\`earlyStopping\`), or regularise (dropout, weight decay).`,
    )
  }
  const clipped = clippedShare(run)
  if (clipped > 0.9) {
    advice.push(
      `Nearly every step was clipped (${(clipped * 100).toFixed(0)} %): the clip sets the step's length now. Raise \`clip\`, or lower the learning rate knowingly.`,
    )
  }
  return advice
}

/** A loss far above its least, before it ended: the steps were too long. */
function diverged(run: RunRecord): string[] {
  const values = (run.signals.series('loss')?.y ?? new Float32Array()).filter(Number.isFinite)
  const least = Math.min(...values)
  const last = values.at(-1)
  if (values.length < 20 || last === undefined || last < 10 * Math.max(least, 1e-12) || last <= values[0]!) return []
  return [
    `The loss rose from ${formatNumber(least)} to ${formatNumber(last)}: the steps are too long. Train again with a ` +
      'learning rate of a tenth, with `clip` and a warm-up, or go on from best.ckpt.',
  ]
}

/** A rate that the schedule had raised shortly before the first sign that something ran away. */
function rateRose(run: RunRecord): string[] {
  const first = openEvents(run).find(({ code }) => RUNS_AWAY.has(code))
  const rates = run.signals.series('learningRate')
  if (!first || !rates) return []
  const { x, y } = rates
  const at = y.findLastIndex((rate, i) => i > 0 && rate > 3 * y[i - 1]! && x[i]! <= first.step)
  if (at < 0 || first.step - x[at]! > SHORTLY) return []
  return [
    `The schedule raised the learning rate from ${formatNumber(y[at - 1]!)} to ${formatNumber(y[at]!)} at step ` +
      `${formatCount(x[at]!)}, just before: that is the likeliest cause. Look at \`schedule\`.`,
  ]
}
const RUNS_AWAY = new Set(['GRAD_SPIKE', 'GRAD_EXPLODING', 'LOSS_DIVERGING', 'NONFINITE_LOSS', 'NONFINITE_GRAD'])
/** Steps. */
const SHORTLY = 32

/** Layers whose gradient was exactly zero while others still had one. */
function withoutGradient({ signals }: RunRecord): string[] {
  const found = signals.profiles('layerGradNorm')
  if (!found) return []
  const names = signals.layers
  const at = found.x.findLastIndex((_, i) => found.rows.some((row) => row[i]! > 0 && row[i]! < Infinity))
  if (at < 0) return []
  const dead = names.filter((_, row) => found.rows[row]?.[at] === 0)
  if (dead.length === 0) return []
  const which = dead.length > 3 ? `${dead.slice(0, 3).join(', ')} and ${dead.length - 3} more` : dead.join(', ')
  return [
    `No gradient reached ${which} by step ${formatCount(found.x[at]!)}: units above are dead or saturated. Start anew ` +
      'with a lower learning rate; leaky ReLU, normalisation or residual blocks keep gradients alive.',
  ]
}

export function clippedShare({ signals }: RunRecord): number {
  const [before, after] = [signals.series('gradNorm'), signals.series('gradNormAfterClip')]
  if (!before || !after || before.y.length === 0) return 0
  // A batch that was skipped has none after it.
  return before.y.filter((norm, i) => after.y[i]! > 0 && after.y[i]! < norm * 0.999).length / before.y.length
}
