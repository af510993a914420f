/**
 * Errors are part of the product: what was expected, what came, where, and what to do.
 * A `UserError` is the user's to mend (exit code 2, no stack trace unless asked); anything else is ours.
 */
export class UserError extends Error {
  override name = 'UserError'
}

/** Where in a training something happened, as far as it is known. */
export interface Whereabouts {
  /** Number of the batch since the start of the run, from 0. */
  readonly step?: number | undefined
  /** As `brigantine plan` names it. */
  readonly phase?: string | undefined
  readonly piece?: number | undefined
  /** Layers or parameters that the piece is of. */
  readonly layer?: string | undefined
  readonly worker?: number | undefined
  /** Indices of the piece's samples in the training data. */
  readonly samples?: readonly number[] | undefined
}

/** Training stopped because going on would do harm. `cause` is the original error, where there is one. */
export class TrainingError extends Error implements Whereabouts {
  override name = 'TrainingError'
  readonly step: number | undefined
  readonly phase: string | undefined
  readonly piece: number | undefined
  readonly layer: string | undefined
  readonly worker: number | undefined
  readonly samples: readonly number[] | undefined

  constructor(message: string, { cause, step, phase, piece, layer, worker, samples }: ErrorOptions & Whereabouts = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.step = step
    this.phase = phase
    this.piece = piece
    this.layer = layer
    this.worker = worker
    this.samples = samples
  }
}

/** Another process of the job is gone or hangs: nothing more can be agreed with it. */
export class RankLost extends TrainingError {
  override name = 'RankLost'
}

/** A worker hangs in code that cannot be broken off: a process that wants to end has to do so by force (`SIGKILL`). */
export class WorkerHangs extends TrainingError {
  override name = 'WorkerHangs'
}

/**
 * The root error, to be thrown. What failed after it, on the way out, is attached as `suppressed`, in order: it must not
 * hide what all began with.
 */
export function withSuppressed(root: unknown, later: unknown): unknown {
  if (root === later || !(root instanceof Error) || !Object.isExtensible(root)) return root
  const before = suppressedBy(root)
  return before.includes(later) ? root : Object.assign(root, { suppressed: [...before, later] })
}

export function suppressedBy(error: unknown): readonly unknown[] {
  const { suppressed } = (error ?? {}) as { suppressed?: unknown }
  return Array.isArray(suppressed) ? suppressed : []
}

/** How a value is shown in an error: `0` (number), `"adm"` (string). */
export function describe(value: unknown): string {
  if (value === null) return '`null`'
  if (value === undefined) return '`undefined`'
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${(value as Float32Array).length}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return `an object with keys ${Object.keys(value).slice(0, 8).join(', ') || '(none)'}`
  return `\`${typeof value === 'string' ? JSON.stringify(value) : String(value)}\` (${typeof value})`
}

/**
 * What to do about a path with a `~` that no shell has put a folder in place of; nothing for others.
 * @param joint to what is said before
 */
export const homeAdvice = (path: string, joint = '; '): string =>
  /(^|\/)~[\w-]*(\/|$)/.test(path)
    ? `${joint}\`~\` is your home folder only where the shell reads it, not in quotes, after \`=\`, or in a file: write the whole path`
    : ''

/** Why a file could not be read: `there is no such file`. */
export function whyUnread({ code, path = '' }: NodeJS.ErrnoException, example: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no such file${homeAdvice(path)}`
    case 'EISDIR':
      return `it is a folder: name a file in it, such as ${example}`
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read: check its permissions'
    default:
      return `it could not be read (${code})`
  }
}

/** What to do about a file that could not be written: `otherwise` where it is not for want of room. */
export function writeAdvice(code: string | undefined, otherwise: string): string {
  switch (code) {
    case 'ENOSPC':
      return 'The disk is full: free some room.'
    case 'EDQUOT':
      return 'Your share of the disk is used up: free some room.'
    case 'EFBIG':
      return 'Files may not be as large here: raise the limit (`ulimit -f`).'
    default:
      return otherwise
  }
}

/** Why `import` took a module's own `import` and `export` for mistakes, and what to do; undefined for other errors. */
export const readAsCommonJs = (error: unknown): string | undefined =>
  error instanceof SyntaxError && /\bimport\b|\bexport\b/.test(error.message)
    ? 'it is an ES module, but is read as CommonJS; name it .mts or .mjs, or set "type": "module" in package.json'
    : undefined

/** The closest of `candidates` to `word`, where one is close enough to be a slip of the finger. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    // Of one letter nothing is left when it is another: `x` is no slip for `y`.
    if (distance < bestDistance && distance < Math.max(word.length, candidate.length))
      [best, bestDistance] = [candidate, distance]
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
