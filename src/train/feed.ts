/**
 * A stream's rows into a run, window by window: the next one is read while the crew trains on this one, and goes into the
 * arena at the gate. A window is filled to the same row however the rows come, so no bit depends on their chunks; and the
 * state says where it begins, so a run goes on in the middle of an epoch by reading up to there.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { WindowReader, canBeReadOnce } from '../data/stream.ts'
import type { RowStream, Window } from '../data/stream.ts'
import { UserError } from '../errors.ts'
import { learningRate } from '../optim/schedules.ts'
import { loadData } from './load.ts'
import { checkBuffer, nextWindow, prepared } from './next-window.ts'
import type { Session } from './session.ts'
import { afterClosing } from './root.ts'
import { StallWatch } from '../crew/stall.ts'
import { State } from './state.ts'

export interface FeedOptions {
  readonly epochs: number
  readonly bufferRows?: number | undefined
  readonly stepsPerEpoch?: number | undefined
  /** Whether ranks train together. */
  readonly ranked: boolean
  /** The state of the run that goes on. */
  readonly state?: Float64Array | undefined
}

export class Feed {
  /** The first window that was read: what the rows are like. */
  readonly first: Dataset
  /** Rows that the arena has room for: those of a full window. */
  readonly rows: number
  readonly stepsPerEpoch: number
  /** What was wrong with the stream: then the run ends before its next step. */
  error: UserError | undefined
  /** What is done to a window before it is trained on, and whether it can be. */
  prepare: (rows: Dataset) => Dataset = (rows) => rows
  readonly #reader: WindowReader
  readonly #watch: StallWatch
  readonly #epochs: number
  #ahead: Promise<Window> | undefined

  private constructor(reader: WindowReader, watch: StallWatch, window: Window, options: FeedOptions) {
    this.#reader = reader
    this.#watch = watch
    this.#epochs = options.epochs
    this.#ahead = Promise.resolve(window)
    this.first = window.data
    this.rows = reader.windowRows
    this.stepsPerEpoch = options.stepsPerEpoch ?? Infinity
  }

  /**
   * Reads the first window.
   * @throws UserError for what cannot be trained from a stream, and a stream without rows
   */
  static async open(
    stream: RowStream,
    config: ResolvedConfig,
    options: FeedOptions,
    stopped: () => boolean,
  ): Promise<Feed | undefined> {
    const { stepsPerEpoch = Infinity, bufferRows } = options
    // Broken off in its evaluation, the epoch's rows are behind the run.
    const { state = { [State.epoch]: 0, [State.evaluating]: 0 } } = options
    const epoch = state[State.epoch]! + state[State.evaluating]!
    const batchSize = checkStreamable(stream, config, { ...options, epochs: options.epochs - epoch }, stepsPerEpoch)
    const reader = new WindowReader(stream, epoch, { what: 'training data', batchSize, bufferRows, stepsPerEpoch })
    const watch = new StallWatch(config.recovery.stallSeconds)
    try {
      const window = await nextWindow(reader.next(), reader, watch, stopped)
      if (window) return new Feed(reader, watch, window, options)
      void reader.close()
      return undefined
    } catch (error) {
      throw await afterClosing(error, reader.close())
    }
  }

  /** Has the session wait for its first window, the one that its state is in. */
  attach({ state }: Session): void {
    state[State.streamed] = 1
    if (state[State.cursor]! >= state[State.windowEnd]!) state[State.windowStart] = state[State.windowEnd]!
    state[State.windowEnd] = state[State.windowStart]!
    state[State.lastWindow] = state[State.evaluating]!
  }

  /** While the gate is shut: the window that the run waits for, if it does. Sooner back where `stopped` says so. */
  async fill(session: Session, stopped: () => boolean): Promise<void> {
    const { state, arena, plan } = session
    if (state[State.wanted] !== 1 || this.error) return
    try {
      const window = await this.#find(state, stopped)
      if (!window) return
      if (window.data.rows > 0) await loadData(arena, plan, prepared(window, this.prepare), undefined)
      state[State.windowEnd] = window.start + window.data.rows
      state[State.lastWindow] = window.last ? 1 : 0
      state[State.wanted] = 0
      this.#readAhead(window)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      this.error = error
    }
  }

  /** A copy of the window that is open, to be put in another arena of the same plan. */
  hold({ plan, arena, state }: Session): (into: Session) => void {
    const { inputs, targets, weighted } = plan.spec
    const widths = [inputs, targets, weighted ? 1 : 0]
    const places = ({ plan: { at } }: Session) => [at.trainX, at.trainY, at.trainWeight]
    const parts = places({ plan } as Session).map((at, i) => arena.floats.slice(at, at + this.rows * widths[i]!))
    const words = [State.windowStart, State.windowEnd, State.lastWindow, State.wanted].map((word) => [
      word,
      state[word]!,
    ])
    return (into) => {
      places(into).forEach((at, i) => into.arena.floats.set(parts[i]!, at))
      for (const [word, value] of words) into.state[word!] = value!
    }
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  /** The window that the state is in: after a resume not the next one. */
  async #find(state: Float64Array, stopped: () => boolean): Promise<Window | undefined> {
    const [wanted, cursor] = [state[State.windowStart]!, state[State.cursor]!]
    for (;;) {
      const window = await nextWindow(this.#ahead!, this.#reader, this.#watch, stopped)
      if (!window) return undefined
      const end = window.start + window.data.rows
      if (window.start === wanted && end >= cursor) return window
      if (window.last || window.start >= wanted) {
        throw new UserError(
          `Expected the interrupted run's rows, which stands at row ${cursor} of epoch ${window.epoch}, but the stream ` +
            `ended after ${end} rows. Give the same data, or begin anew.`,
        )
      }
      this.#ahead = this.#reader.next()
    }
  }

  #readAhead({ last, epoch }: Window): void {
    this.#ahead = last && epoch + 1 >= this.#epochs ? undefined : this.#reader.next()
    // Thrown where it is awaited, if it is.
    this.#ahead?.catch(() => {})
  }
}

/** @returns the batch size @throws UserError for what needs all rows at once */
function checkStreamable(
  stream: RowStream,
  { batchSize, health, schedule, optimizer, maxSteps = Infinity }: ResolvedConfig,
  { epochs, ranked, bufferRows }: FeedOptions,
  stepsPerEpoch: number,
): number {
  const expected = (what: string, got: string, advice: string) =>
    new UserError(`Expected ${what} to train from a stream, got ${got}. ${advice}`)
  checkBuffer({ bufferRows, stepsPerEpoch }, 'train')
  if (batchSize === 'full')
    throw expected('a number as `batchSize`', "'full'", 'Its end is not known; load the data with `toDataset` instead.')
  if (ranked)
    throw expected('one process', 'a rank of several', 'Load the data with `toDataset` or `loadData` on every rank.')
  if (health.mode === 'repair')
    throw expected("`health: 'warn'` or 'observe'", "'repair'", 'A repair goes back to rows that are gone.')
  if (health.brokenRows === 'replace')
    throw expected(
      "`health.brokenRows: 'keep'`",
      "'replace'",
      'What is broken shows beside all rows: load the data with `toDataset`.',
    )
  if (canBeReadOnce(stream) && epochs > 1) {
    const advice = 'Give a function that makes a new one for each epoch, `(epoch) => rows()`, or set `epochs: 1`.'
    throw expected(
      `rows that can be read ${epochs} times, once in each epoch,`,
      'an iterator, which is read once',
      advice,
    )
  }
  if (stepsPerEpoch < Infinity) return batchSize
  try {
    learningRate(schedule, optimizer.learningRate, 0, Infinity, maxSteps)
    if (schedule.type !== 'oneCycle' || maxSteps < Infinity) return batchSize
  } catch {
    // Told below.
  }
  throw expected(
    `\`stepsPerEpoch\` for the schedule \`${schedule.type}\`, which goes by the length of the run,`,
    'none',
    "Give it to `fit`, or the schedule's lengths in steps.",
  )
}
