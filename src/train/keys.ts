/** Names of an epoch's values, in the order in which the sequencer keeps them. */
import { UserError, suggest } from '../errors.ts'
import type { Metric } from '../model/metrics.ts'

/** loss, metrics; with validation also val_loss, val_metrics. */
export function valueKeys(metrics: readonly Metric[], validation: boolean): string[] {
  const keys = ['loss', ...metrics.map((metric) => metric.key)]
  return validation ? [...keys, ...keys.map((key) => `val_${key}`)] : keys
}

/** @throws UserError naming the keys there are */
export function monitorIndex(field: string, monitor: string, keys: readonly string[]): number {
  const index = keys.indexOf(monitor)
  if (index >= 0) return index
  const meant = suggest(monitor, keys)
  const advice =
    monitor.startsWith('val_') && !keys.some((key) => key.startsWith('val_'))
      ? ' There is no validation data: give some, or set `data.validationSplit`.'
      : ''
  throw new UserError(
    `Expected \`${field}.monitor\` to be one of ${keys.join(', ')}, got \`${monitor}\`` +
      `${meant ? `; did you mean \`${meant}\`?` : '.'}${advice}`,
  )
}

/** Whether a larger value is the better one. */
export function monitorMode(monitor: string, mode: 'auto' | 'min' | 'max', metrics: readonly Metric[]): 'min' | 'max' {
  if (mode !== 'auto') return mode
  const key = monitor.replace(/^val_/, '')
  return metrics.find((metric) => metric.key === key)?.larger ? 'max' : 'min'
}
