import type { DataSummary } from '../data/load.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatMicros,
  formatRate,
  isBetterLarge,
} from '../report/format.ts'
import { table } from '../report/table.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { Plan } from '../plan/plan.ts'
import type { History } from '../train/history.ts'
import type { RunFiles } from './files.ts'

/** What the end of a run is told with. */
export interface RunResult {
  /** Width of the input and of each layer's output. */
  readonly layers: readonly number[]
  readonly parameters: number
  readonly plan: string
  readonly data: DataSummary
  readonly epochs: number
  readonly stopped: string
  readonly seconds: number
  readonly samplesPerSecond: number
  /** Values by epoch, as the history has them. */
  readonly history: Readonly<Record<string, readonly number[]>>
  /** Verdicts, and what was done about them. */
  readonly health: History['health']
  readonly actions: History['actions']
  /** Whether anything was judged. */
  readonly judged: boolean
  readonly test: Readonly<Record<string, number>> | undefined
  readonly hash: string | undefined
  /** Absent when nothing was saved. */
  readonly files: RunFiles | undefined
}

/**
 * The plan in a line; `brigantine plan` prints all of it.
 * @param ranks of the job, each with so many workers; the plan is that of a process alone
 */
export function planLine(
  plan: Plan,
  kernels: Pick<KernelChoice, 'name' | 'reason'>,
  { workers, trials }: Pick<History, 'workers' | 'trials'>,
  ranks = 1,
): string {
  const { layout, microRows, blockRows, ownFirst, ownEnd, tiles, laned, spec } = plan
  const { shards } = spec.sharing
  const blocks = (ownEnd - ownFirst) * Math.ceil(microRows / blockRows)
  const gradient = [tiles.length > 0 ? `${tiles.length} tiles` : '', laned.length > 0 ? 'lanes' : '']
  return [
    `${ranks > 1 ? `${ranks} ranks of ` : ''}${workers} worker${workers === 1 ? '' : 's'}${trialsText(trials)}`,
    `kernels ${kernels.name} (${kernels.reason})`,
    `batch ${spec.batchSize}${shards > 1 ? ` in ${shards} shards` : ''}`,
    `${blocks} row block${blocks === 1 ? '' : 's'} of ${blockRows}`,
    `gradient in ${gradient.filter(Boolean).join(' and ')}`,
    `arena ${formatBytes(layout.bytes)}`,
  ].join(', ')
}

/** What `workers: 'auto'` saw. */
function trialsText(trials: History['trials']): string {
  if (trials.length < 2) return ''
  const seen = trials.map(({ workers, microsPerStep }) => `${workers}: ${formatMicros(microsPerStep)}`)
  return ` (a step with ${seen.join(', ')})`
}

/** The last and the best value of each column of the history, and the epoch (from 1) of the best. */
export function finalAndBest(
  history: RunResult['history'],
): Record<string, { last: number; best: number; epoch: number }> {
  const entries = Object.entries(history).filter(([, values]) => values.length > 0)
  return Object.fromEntries(
    entries.map(([name, values]) => {
      const larger = isBetterLarge(name)
      const best = values.reduce((a, b) => (Number.isNaN(a) || (larger ? b > a : b < a) ? b : a), NaN)
      return [name, { last: values.at(-1)!, best, epoch: values.indexOf(best) + 1 }]
    }),
  )
}

/** The summary table, and how to go on. */
export function summaryText(result: RunResult): string {
  const { data, files, test, hash } = result
  const values = Object.entries(finalAndBest(result.history)).map(([name, { last, best, epoch }]) => [
    name,
    formatMetric(name, last),
    epoch > 0 ? `best ${formatMetric(name, best)} in epoch ${epoch}` : '',
  ])
  const rows = [
    ['model', result.layers.join('-'), `${formatCount(result.parameters)} parameters`],
    ['data', data.source, rowsText(data)],
    ['plan', result.plan],
    [
      'time',
      formatDuration(result.seconds),
      `${result.epochs} epoch${result.epochs === 1 ? '' : 's'}, ${formatRate(result.samplesPerSecond)} samples/s`,
    ],
    ['ended', result.stopped],
    ...healthRows(result),
    ...values,
    ...Object.entries(test ?? {}).map(([name, value]) => [`test ${name}`, formatMetric(name, value)]),
    ...(hash ? [['weights', `sha256 ${hash}`]] : []),
    ...(files
      ? [
          ['saved', files.model],
          ['log', files.log],
          ['report', files.report],
        ]
      : []),
  ]
  return `${twoColumns(rows)}${files ? `\n\n${goOn(files)}` : ''}`
}

/** What was wrong, what helps or was done about it; `healthy` where nothing was. */
function healthRows({ health, actions, judged }: RunResult): string[][] {
  if (!judged) return []
  const faults = health.filter(({ severity }) => severity === 'fault' || severity === 'fatal')
  const worst = faults.length > 0 ? faults : health.filter(({ severity }) => severity === 'warn')
  const seen = worst.filter(({ code }, i) => worst.findIndex((other) => other.code === code) === i)
  const converged = health.find(({ code }) => code === 'CONVERGED')
  const codes = seen
    .slice(0, MOST_CODES)
    .map(({ code, step }) => `${code} ${step < 0 ? 'at first' : `at step ${step}`}`)
  const more = seen.length > MOST_CODES ? [`${seen.length - MOST_CODES} more`] : []
  const kept = actions.filter(({ outcome }) => outcome === 'kept').map(({ remedy }) => remedy)
  const kind = faults.length > 0 ? 'fault' : 'warning'
  return [
    seen.length > 0
      ? ['health', `${kind}${seen.length === 1 ? '' : 's'}: ${[...codes, ...more].join(', ')}`]
      : ['health', converged ? `converged at step ${converged.step}` : 'healthy'],
    ...(kept.length > 0 ? [['repaired', kept.join('; ')]] : []),
    ...(faults.length > 0 && kept.length === 0 ? [['try', seen[0]!.remedies.join('; ')]] : []),
  ]
}
const MOST_CODES = 3

function twoColumns(rows: string[][]): string {
  return table(rows.map(([name = '', value = '', more = '']) => [name, more ? `${value}  (${more})` : value]))
}

const PARTS = { train: 'training', validation: 'validation', test: 'test' } as const

function rowsText({ rows, features }: DataSummary): string {
  const parts = (['train', 'validation', 'test'] as const)
    .filter((part) => rows[part] !== 0)
    .map((part) => `${rows[part] === undefined ? 'streamed' : formatCount(rows[part])} ${PARTS[part]}`)
  return `${parts.join(', ')} rows of ${formatCount(features)} features`
}

function goOn({ folder, model, config }: RunFiles): string {
  const commands = [
    [`npx brigantine evaluate ${quote(model)}`, 'measure it again, or on other data with --data FILE'],
    [`npx brigantine predict ${quote(model)} --data FILE`, 'use it'],
    [`npx brigantine train --resume ${quote(folder)} --epochs N`, 'train on, up to N epochs in all'],
    [`npx brigantine plan ${quote(config)}`, 'see how a step is worked off'],
  ]
  return `Go on:\n${table(commands, { indent: '  ' })}`
}

/** A path as a shell takes it. */
export function quote(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
