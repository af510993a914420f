/** Results go to stdout, everything else to stderr, so that a pipe gets results only. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, plain, 2))
}

/** One line of JSON. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, plain)
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Typed arrays as arrays; NaN and infinities as strings, because JSON's `null` would hide them. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Float64Array) return Array.from(value)
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}
