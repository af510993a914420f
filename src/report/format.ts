/** How numbers, times and sizes are shown to people. Machines get the raw values. */

/** `0.1234`, `12.35`, `1.2e-5`, `NaN`: about four significant digits, short enough for a table. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2)
  if (Number.isInteger(value)) return String(value)
  return size >= 100 ? value.toFixed(1) : size >= 10 ? value.toFixed(2) : value.toFixed(4)
}

/** `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `870`, `12.3k`, `4.56M`: a count per second. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '-'
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)}M`
  if (perSecond >= 1e4) return `${(perSecond / 1e3).toFixed(1)}k`
  return formatCount(perSecond)
}

/** `97.22 %` for 0.9722. */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(2)} %` : String(share)
}

/** `0.42 s`, `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '-'
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number) => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** `512 B`, `1.5 KiB`, `2.00 GiB`: powers of 1024. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  if (unit === 0) return `${value} B`
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${units[unit]}`
}

/** Whether a column of the history is a share of rows, `val_` or not. */
export const isShare = (name: string): boolean => /(^|_)(acc|top\d+Acc|precision|recall)$/.test(name)

/** Whether more of it is better. */
export const isBetterLarge = (name: string): boolean => isShare(name) || /(^|_)(f1|auc|r2)$/.test(name)

/** What `metrics` are called says how they read: shares in per cent, everything else as a number. */
export function formatMetric(name: string, value: number): string {
  return isShare(name) ? formatPercent(value) : formatNumber(value)
}

/** A time of microseconds to seconds: `12.3 us`, `4.56 ms`. */
export function formatMicros(micros: number): string {
  if (micros < 1000) return `${micros.toPrecision(3)} us`
  return micros < 1e6 ? `${(micros / 1000).toPrecision(3)} ms` : `${(micros / 1e6).toPrecision(3)} s`
}
