/** The run in pictures, over one axis of steps. */
import { HEAT_MAP_RIGHT, heatMap, lineChart, matrix, timeLine } from '../../chart/index.ts'
import type { Drawing, Mark, Severity, SeriesColour, TimeRow } from '../../chart/index.ts'
import { formatCount, formatMetric, formatNumber, formatPercent, isBetterLarge } from '../format.ts'
import { clippedShare } from './judgement.ts'
import type { RunEvent, RunRecord } from './record.ts'

const LEFT = 128
const COLOURS: readonly SeriesColour[] = ['blue', 'orange', 'green', 'purple', 'red', 'sky']
/** Marks on a chart at the most: the gravest, then the first. */
const MAX_MARKS = 60

export function figures(run: RunRecord): Drawing[] {
  const steps = Math.max(1, run.signals.steps)
  const axis = { label: 'step', whole: true, range: [0, steps] as const }
  const all = { run, axis, steps, marks: marksOf(run) }
  return [
    timeOf(all),
    loss(all),
    metrics(all),
    confusion(run),
    norms(all),
    profile(all, 'layerGradNorm', 'Gradient by layer', 'norm'),
    profile(all, 'layerUpdate', 'Change of the weights by layer', 'of a step, relative to their norm'),
    profile(all, 'activation', 'Activations by layer', 'root mean square'),
    profile(all, 'backSignal', 'Back-signals by layer', 'root mean square of d loss / d output'),
    profile(all, 'active', 'Active units by layer', 'share of the ReLU units active on a batch'),
    profile(all, 'saturated', 'Saturated units by layer', 'share of the sigmoid and tanh units'),
    rate(all),
  ].filter((one) => one !== undefined)
}

interface All {
  readonly run: RunRecord
  readonly axis: { readonly label: string; readonly whole: boolean; readonly range: readonly [number, number] }
  readonly steps: number
  readonly marks: readonly Mark[]
}

function marksOf({ events }: RunRecord): Mark[] {
  const order: readonly Severity[] = ['fatal', 'fault', 'warn']
  return order
    .flatMap((severity) => events.filter((one) => one.severity === severity))
    .slice(0, MAX_MARKS)
    .map(({ step, severity, text }) => ({ x: step, severity, text }))
}

function loss({ run, axis, marks }: All): Drawing | undefined {
  const series = run.signals.series('loss')
  if (!series) return undefined
  const positive = series.y.filter((v) => Number.isFinite(v))
  const [least, most] = [Math.min(...positive), Math.max(...positive)]
  const kind = least > 0 && most / least > 20 ? 'log' : 'linear'
  const atEpochs = (key: string) => run.epochs.map((epoch) => epoch[key] ?? NaN)
  const validation = atEpochs('val_loss')
  return lineChart({
    title: 'Loss',
    description: `Training loss of each step: from ${sizeText(series.y[0]!)} to ${sizeText(series.y.at(-1)!)}.`,
    ...{ x: axis, y: { kind }, left: LEFT, right: HEAT_MAP_RIGHT, marks, height: 240 },
    series: [
      { name: 'training, by step (band: least to greatest)', colour: 'blue', ...series },
      ...(validation.some(Number.isFinite)
        ? [
            {
              name: 'validation, by epoch',
              colour: 'orange' as const,
              dots: validation.length < 60,
              x: run.epochEnds,
              y: validation,
            },
          ]
        : []),
    ],
  })
}

function metrics({ run, axis }: All): Drawing | undefined {
  const keys = Object.keys(run.epochs[0] ?? {}).filter((key) => key !== 'epoch' && !key.endsWith('loss'))
  const shares = keys.filter((key) => isBetterLarge(key) && !/r2$/.test(key))
  const shown = (shares.length > 0 ? shares : keys).slice(0, 6)
  if (shown.length === 0 || run.epochs.length < 2) return undefined
  const last = run.epochs.at(-1)!
  return lineChart({
    title: 'Metrics by epoch',
    description: `At the end: ${shown.map((key) => `${key} ${formatMetric(key, last[key]!)}`).join(', ')}.`,
    ...{ x: axis, left: LEFT, right: HEAT_MAP_RIGHT, height: 200 },
    y: shares.length > 0 ? { text: (tick) => `${Number((tick * 100).toFixed(4))} %` } : {},
    series: shown.map((key, i) => ({
      ...{ name: key, colour: COLOURS[i]!, dots: run.epochs.length < 60 },
      ...{ x: run.epochEnds, y: run.epochs.map((epoch) => epoch[key]!) },
    })),
  })
}

/** Above it the cells are too narrow for their counts. */
const MOST_CLASSES = 30

function confusion({ test }: RunRecord): Drawing | undefined {
  const found = test?.confusion
  if (!found || found.classes.length > MOST_CLASSES) return undefined
  const { classes, counts } = found
  const all = counts.flat().reduce((sum, count) => sum + count, 0)
  const right = counts.reduce((sum, row, c) => sum + row[c]!, 0)
  return matrix({
    title: 'Test: which classes were taken for which',
    description: `${formatCount(right)} of ${formatCount(all)} rows lie on the diagonal, where they belong.`,
    ...{ rows: classes, columns: classes, counts, unit: 'rows; down: the true class, across: what was predicted' },
    colour: (row, column) => (row === column ? 'blue' : 'orange'),
  })
}

function norms({ run, axis, marks }: All): Drawing | undefined {
  const [before, after] = [run.signals.series('gradNorm'), run.signals.series('gradNormAfterClip')]
  if (!before || !after) return undefined
  const clip = run.config.clip as { mode?: string; maxNorm?: number; normType?: unknown } | undefined
  const byTwo = clip?.mode === 'globalNorm' && (clip.normType ?? 2) === 2
  const limit = byTwo && typeof clip.maxNorm === 'number' ? clip.maxNorm : undefined
  return lineChart({
    title: 'Norm of the gradient',
    description:
      clip?.mode === 'off'
        ? 'Clipping is off.'
        : `Before and after clipping; clipped in ${formatPercent(clippedShare(run))} of the time.`,
    ...{ x: axis, y: { kind: 'log' }, left: LEFT, right: HEAT_MAP_RIGHT, marks, height: 240 },
    series: [
      { name: 'before clipping', colour: 'orange', ...before },
      { name: 'after clipping', colour: 'blue', ...after },
    ],
    references: limit === undefined ? [] : [{ y: limit, text: `clip at ${formatNumber(limit)}` }],
  })
}

function rate({ run, axis }: All): Drawing | undefined {
  const series = run.signals.series('learningRate')
  if (!series || Math.min(...series.y) === Math.max(...series.y)) return undefined
  const sorted = Float64Array.from(series.y).sort()
  // Cuts by powers of ten are seen by their logarithm, a fall to 0 as the slope that it is.
  const kind = sorted.at(-1)! / sorted[sorted.length >> 2]! > 20 ? 'log' : 'linear'
  return lineChart({
    title: 'Learning rate',
    description: 'Of each step, as the schedule gave it.',
    ...{ x: axis, y: { kind }, left: LEFT, right: HEAT_MAP_RIGHT, height: 200 },
    series: [{ name: 'learning rate', colour: 'green', ...series }],
  })
}

function profile({ run, axis, marks }: All, name: string, title: string, unit: string): Drawing | undefined {
  const found = run.signals.profiles(name)
  if (!found || found.x.length === 0) return undefined
  const names = run.signals.layers
  const rows = found.rows.map((_, i) => names[i] ?? `layer ${i + 1}`)
  const share = name === 'active' || name === 'saturated'
  return heatMap({
    ...{ title, unit, rows, marks },
    description: ends(rows, found.rows),
    ...{ x: axis, left: LEFT, kind: share ? 'linear' : 'log', ...(share ? { range: [0, 1] as const } : {}) },
    // Each was measured at the end of what it stands for.
    at: Float64Array.from(found.x, (_, i) => (i === 0 ? 0 : found.x[i - 1]!)),
    values: found.rows,
  })
}

/** The first and the last layer that have a number, at the end, in words. */
function ends(names: readonly string[], rows: readonly Float32Array[]): string {
  const known = rows.flatMap((row, i) => (row.some(Number.isFinite) ? [{ name: names[i]!, value: row.at(-1)! }] : []))
  const texts = [...new Set([known[0], known.at(-1)])].flatMap((one) =>
    one ? [`${sizeText(one.value)} in ${one.name}`] : [],
  )
  return texts.length > 0 ? `At the end ${texts.join(' and ')}.` : 'No number was finite.'
}

const sizeText = (value: number): string => (Number.isFinite(value) ? formatNumber(value) : 'not finite')

const NAMES: Readonly<Record<string, string>> = {
  GRAD_SPIKE: 'gradient spike',
  NONFINITE_LOSS: 'loss not finite',
  NONFINITE_GRAD: 'gradient not finite',
  NONFINITE_PARAM: 'update not finite',
  GRAD_EXPLODING: 'gradient explodes',
  GRAD_VANISHING: 'gradient vanishes',
  LR_IMPLAUSIBLE: 'implausible rate',
  INIT_VARIANCE: 'spread of weights',
}

/** `gradient spike` for GRAD_SPIKE. */
export const wordsOf = (code: string): string => NAMES[code] ?? code.toLowerCase().replaceAll('_', ' ')

function timeOf({ run, axis }: All): Drawing | undefined {
  const { events, actions } = run
  if (events.length + actions.length === 0) return undefined
  const rows: TimeRow[] = [...groups(events)].map(([code, own]) => ({
    name: wordsOf(code),
    spans: own.slice(0, 500).map(({ step, severity, text }) => ({ from: step, colour: severity, text })),
  }))
  for (const what of new Set(actions.map((one) => one.what))) {
    const own = actions.filter((one) => one.what === what)
    rows.push({
      name: what,
      shape: 'diamond',
      spans: own.map(({ step, text }) => ({ from: step, colour: 'blue', text })),
    })
  }
  return timeLine({
    title: 'Verdicts and actions',
    description: `${countOf(events.length, 'verdict')}, ${countOf(actions.length, 'action')}.`,
    ...{ x: axis, rows, left: LEFT, right: HEAT_MAP_RIGHT },
  })
}

const countOf = (count: number, what: string): string => `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`

function groups(events: readonly RunEvent[]): Map<string, RunEvent[]> {
  const found = new Map<string, RunEvent[]>()
  for (const event of events) found.set(event.code, [...(found.get(event.code) ?? []), event])
  return found
}
