/**
 * Training data larger than memory: an iterable of rows, opened anew in each epoch and cut into windows of a fixed number
 * of rows. How the rows come (one by one, or in chunks of any size) is no part of what a window holds.
 */
import { setImmediate } from 'node:timers/promises'
import { describe, UserError } from '../errors.ts'
import type { Dataset } from './dataset.ts'
import { toRows } from './tensor.ts'
import type { TensorInput } from './tensor.ts'

/** One row, whose `y` is a number, or several, as `toDataset` takes them. */
export interface RowChunk extends Pick<TensorInput, 'features' | 'targets' | 'nonFinite' | 'classNames'> {
  readonly x: TensorInput['x'] | readonly number[]
  readonly y: TensorInput['y'] | number
  readonly sampleWeight?: TensorInput['sampleWeight'] | number
}

export type Rows = AsyncIterable<RowChunk> | Iterable<RowChunk>

/** Rows that are read once in each epoch; a function is called with the number of the epoch, from 0. */
export type RowStream = AsyncIterable<RowChunk> | Iterator<RowChunk> | ((epoch: number) => Rows | Promise<Rows>)

type Source = AsyncIterator<RowChunk> | Iterator<RowChunk>

export const isStream = (data: unknown): data is RowStream =>
  typeof data === 'function' ||
  (typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || canBeReadOnce(data as RowStream)))

/** Whether it is an iterator, such as a generator: nothing is left for a second epoch. */
export const canBeReadOnce = (stream: RowStream): boolean =>
  typeof stream !== 'function' && typeof (stream as { next?: unknown }).next === 'function'

export interface Window {
  readonly epoch: number
  /** The window's first row, counted in the epoch. */
  readonly start: number
  /** Of 0 rows where the stream ended with the window before. A view, until the next window is read. */
  readonly data: Dataset
  /** Whether the epoch ends with it. */
  readonly last: boolean
}

export interface WindowOptions {
  /** For messages: what the rows are. */
  readonly what: string
  readonly batchSize: number
  /** Rows of a window, at least; `undefined`: what fits in `WINDOW_BYTES`. */
  readonly bufferRows?: number | undefined
  /** Infinity: until the stream ends. */
  readonly stepsPerEpoch: number
}

/** Numbers of a window, where the config says nothing: enough for a good shuffle of small rows, and no burden. */
const WINDOW_FLOATS = 2 ** 24
const WINDOW_ROWS = 2 ** 16
const MAX_FLOATS = 2 ** 30
/** For so long chunks are taken before the event loop breathes. */
const SLICE_MILLIS = 2

type Width = Pick<Dataset, 'features' | 'targets'>

/** Rows of a window, not yet in whole batches. */
export const askedRows = ({ features, targets }: Width, bufferRows: number | undefined): number =>
  bufferRows ?? Math.min(WINDOW_ROWS, Math.floor(WINDOW_FLOATS / (features + targets)))

/** Rows of a full window: whole batches. @throws UserError for more numbers than a buffer may have */
export function rowsOfWindow(
  row: Width,
  { batchSize, bufferRows }: Pick<WindowOptions, 'batchSize' | 'bufferRows'>,
): number {
  const width = row.features + row.targets
  const batches = askedRows(row, bufferRows) / batchSize
  const rows = Math.max(1, bufferRows === undefined ? Math.floor(batches) : Math.ceil(batches)) * batchSize
  if (rows * width <= MAX_FLOATS) return rows
  throw new UserError(
    `Expected a buffer of at most ${MAX_FLOATS} numbers, got ${rows} rows of ${width}. Set a smaller \`bufferRows\`.`,
  )
}

export class WindowReader {
  readonly #stream: RowStream
  readonly #options: WindowOptions
  #source: Source | undefined
  #epoch: number
  /** Rows of this epoch that came, and those of them that went into a window. */
  #came = 0
  #row = 0
  #ended = false
  #chunk: Dataset | undefined
  #taken = 0
  #buffer: Dataset | undefined
  #breath = 0
  #busy = false
  #closed = false
  readonly #gone = Promise.withResolvers<void>()
  /** Chunks with rows so far: differs whenever something came. */
  chunks = 0

  /** @param epoch the first to be read */
  constructor(stream: RowStream, epoch: number, options: WindowOptions) {
    this.#stream = stream
    this.#epoch = epoch
    this.#options = options
    // Thrown where it is awaited, if it is.
    this.#gone.promise.catch(() => {})
  }

  get what(): string {
    return this.#options.what
  }

  /** Rows of a full window: whole batches. Known with the first window. */
  get windowRows(): number {
    return this.#buffer?.rows ?? 0
  }

  /** `after row 1000 of epoch 0`, rows counted from 1. */
  get place(): string {
    return this.#came === 0
      ? `at the start of epoch ${this.#epoch}`
      : `after ${this.#came} rows of epoch ${this.#epoch}`
  }

  /**
   * The next window, after the last one of an epoch the next epoch's first. One call at a time.
   * @throws UserError for a stream that fails, ends too early, or changes its shape
   */
  async next(): Promise<Window> {
    this.#busy = true
    try {
      if (this.#ended) this.#turn()
      return await this.#fill()
    } finally {
      this.#busy = false
      if (this.#closed) void this.close()
    }
  }

  /**
   * Lets the stream go; one that is being waited for, as soon as it answers.
   * @throws what it fails of at that, which is of no consequence but where something failed before
   */
  close(): Promise<void> {
    this.#closed = true
    if (!this.#busy) this.#letGo().then(this.#gone.resolve, this.#gone.reject)
    return this.#gone.promise
  }

  async #letGo(): Promise<void> {
    const source = this.#source
    this.#source = undefined
    try {
      await source?.return?.()
    } catch (cause) {
      throw new UserError(`The stream of ${this.what} failed ${this.place}, as it was closed: ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  #turn(): void {
    this.#letGo().catch(() => {})
    this.#epoch++
    this.#came = this.#row = this.#taken = 0
    this.#chunk = undefined
    this.#ended = false
  }

  async #fill(): Promise<Window> {
    const { batchSize, stepsPerEpoch } = this.#options
    const start = this.#row
    const first = await this.#rest()
    if (first) this.#buffer ??= this.#makeBuffer(first)
    const left = stepsPerEpoch * batchSize - start
    const room = Math.min(this.windowRows, left)
    let rows = 0
    for (let chunk = first; chunk && rows < room; chunk = rows < room ? await this.#rest() : undefined) {
      const count = Math.min(room - rows, chunk.rows - this.#taken)
      copyRows(chunk, this.#taken, count, this.#buffer!, rows)
      rows += count
      this.#taken += count
    }
    this.#row += rows
    this.#ended = rows < room || rows === left || !first
    if (this.#ended) this.#checkEnd()
    const data = this.#buffer && firstRows(this.#buffer, rows)
    return { epoch: this.#epoch, start, data: data!, last: this.#ended }
  }

  #checkEnd(): void {
    const { batchSize, stepsPerEpoch } = this.#options
    if (this.#row === 0) {
      const again = this.#epoch > 0 ? ' It may be of a kind that can be read once: give a function that opens it.' : ''
      throw new UserError(
        `Expected one row of ${this.what} or more in epoch ${this.#epoch}, but the stream ended at once.${again}`,
      )
    }
    const steps = Math.ceil(this.#row / batchSize)
    if (steps < stepsPerEpoch && stepsPerEpoch < Infinity) {
      throw new UserError(
        `Expected ${stepsPerEpoch} batches of ${batchSize} rows in epoch ${this.#epoch} (\`stepsPerEpoch\`), but the ` +
          `stream ended after ${this.#row} rows. Set \`stepsPerEpoch: ${steps}\`, or give more rows.`,
      )
    }
  }

  /** The chunk of which rows are left. */
  async #rest(): Promise<Dataset | undefined> {
    while (!this.#chunk || this.#taken === this.#chunk.rows) {
      this.#taken = 0
      this.#chunk = await this.#pull()
      if (!this.#chunk) return undefined
      this.#came += this.#chunk.rows
    }
    return this.#chunk
  }

  async #pull(): Promise<Dataset | undefined> {
    for (;;) {
      if (this.#closed) throw new UserError(`The stream of ${this.what} was closed.`)
      const value = await this.#ask()
      if (value === undefined) return undefined
      const chunk = this.#parse(value)
      if (chunk) this.chunks++
      if (performance.now() >= this.#breath) {
        await setImmediate()
        this.#breath = performance.now() + SLICE_MILLIS
      }
      if (chunk) return chunk
    }
  }

  async #ask(): Promise<RowChunk | undefined> {
    try {
      this.#source ??= await this.#open()
      const { done, value } = (await this.#source.next()) as IteratorResult<unknown, unknown>
      if (done !== true) return (value ?? null) as RowChunk
      this.#source = undefined
      return undefined
    } catch (cause) {
      this.#source = undefined
      if (cause instanceof UserError) throw cause
      const why = messageOf(cause)
      throw new UserError(`Expected more rows of ${this.what}, but the stream failed ${this.place}: ${why}`, { cause })
    }
  }

  async #open(): Promise<Source> {
    const stream = this.#stream
    const rows: unknown = typeof stream === 'function' ? await stream(this.#epoch) : stream
    const any = (rows ?? {}) as Partial<AsyncIterable<RowChunk> & Iterable<RowChunk>> & Source
    if (typeof any[Symbol.asyncIterator] === 'function') return any[Symbol.asyncIterator]!()
    if (typeof any[Symbol.iterator] === 'function') return any[Symbol.iterator]!()
    if (typeof any.next === 'function') return any
    throw new UserError(
      `Expected the function of the ${this.what} to return an iterable of rows (\`async function* (epoch) { .. }\`), ` +
        `got ${describe(rows)} for epoch ${this.#epoch}.`,
    )
  }

  /** @returns undefined for a chunk without rows */
  #parse(chunk: RowChunk): Dataset | undefined {
    const { x, y } = ((chunk as unknown) ?? {}) as Partial<RowChunk>
    if (x === undefined || y === undefined) {
      throw new UserError(
        `Expected rows of the stream as \`{ x, y }\`, got ${describe(chunk)} ${this.place}. ` +
          '`x` is a row and `y` a number, or both hold several rows.',
      )
    }
    if ((y as ArrayLike<number>).length === 0 && (x as ArrayLike<number>).length === 0) return undefined
    let rows: Dataset
    try {
      rows = toRows(typeof y === 'number' ? oneRow(chunk) : (chunk as TensorInput))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`${error.message} (in the rows of the stream ${this.place}).`, { cause: error })
    }
    if (this.#buffer) this.#checkShape(rows, this.#buffer)
    return rows
  }

  #checkShape(got: Dataset, as: Dataset): void {
    if (got.features !== as.features || got.targets !== as.targets) {
      throw new UserError(
        `Expected rows of ${shapeText(as)}, as the stream's first, got ${shapeText(got)} ${this.place}. ` +
          'Every row needs the same columns.',
      )
    }
    if ((got.sampleWeight === undefined) === (as.sampleWeight === undefined)) return
    const [expected, came] = as.sampleWeight ? ['', 'out'] : ['out', '']
    throw new UserError(
      `Expected rows with${expected} \`sampleWeight\`, as the stream's first, got some with${came} it ${this.place}. ` +
        'Give every row a weight (1 where it is as any other), or none.',
    )
  }

  #makeBuffer({ features, targets, sampleWeight, classNames }: Dataset): Dataset {
    const rows = rowsOfWindow({ features, targets }, this.#options)
    return {
      rows,
      features,
      targets,
      x: new Float32Array(rows * features),
      y: new Float32Array(rows * targets),
      sampleWeight: sampleWeight && new Float32Array(rows),
      classNames,
    }
  }
}

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/\.?$/, '.')

const oneRow = ({ x, y, sampleWeight, ...rest }: RowChunk): TensorInput => ({
  ...rest,
  x: [x as readonly number[]],
  y: [y as number],
  sampleWeight: typeof sampleWeight === 'number' ? [sampleWeight] : sampleWeight,
})

const shapeText = ({ features, targets }: Dataset): string =>
  `${features} feature${features === 1 ? '' : 's'} and ${targets} target${targets === 1 ? '' : 's'}`

function copyRows(from: Dataset, row: number, count: number, into: Dataset, at: number): void {
  const { features, targets } = from
  into.x.set(from.x.subarray(row * features, (row + count) * features), at * features)
  into.y.set(from.y.subarray(row * targets, (row + count) * targets), at * targets)
  if (from.sampleWeight) into.sampleWeight!.set(from.sampleWeight.subarray(row, row + count), at)
}

const firstRows = (buffer: Dataset, rows: number): Dataset => ({
  ...buffer,
  rows,
  x: buffer.x.subarray(0, rows * buffer.features),
  y: buffer.y.subarray(0, rows * buffer.targets),
  sampleWeight: buffer.sampleWeight?.subarray(0, rows),
})
