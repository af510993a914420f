/**
 * The rows that a run is measured by, from a stream: the next window is read while the crew works on this one, and goes into
 * the arena at the gate. Windows end where an evaluation's batches do, so the sums have the bits that they have of all rows
 * in memory. Rows that fit in one window are read once, and stay.
 */
import { StallWatch } from '../crew/stall.ts'
import type { Dataset } from '../data/dataset.ts'
import { WindowReader, canBeReadOnce } from '../data/stream.ts'
import type { RowStream, Window, WindowOptions } from '../data/stream.ts'
import { UserError } from '../errors.ts'
import { compilePlan } from '../plan/compile.ts'
import type { PlanSpec } from '../plan/spec.ts'
import { checkData } from './checks.ts'
import type { Desk } from './desk.ts'
import { loadData } from './load.ts'
import { checkBuffer, nextWindow, prepared } from './next-window.ts'
import type { Task } from './prepare.ts'
import { afterClosing } from './root.ts'
import type { Session } from './session.ts'
import { State, awaitsEvaluation } from './state.ts'

export interface ExaminerOptions {
  /** For messages: `validation data`. */
  readonly what: string
  readonly task: Task
  /** Of the run, whatever its number of evaluation rows. */
  readonly spec: PlanSpec
  readonly bufferRows?: number | undefined
  /** How often all rows are wanted, and which of these times is the next, from 0. */
  readonly times?: number
  readonly next?: number
  readonly signal?: AbortSignal | undefined
}

interface Source {
  readonly windows: WindowOptions
  readonly times: number
  readonly next: number
  /** @throws UserError for rows that do not fit the model */
  readonly check: (rows: Dataset) => void
}

export class Examiner {
  /** The first window that was read: what the rows are like. */
  readonly first: Dataset
  /** Rows that the arena has room for. */
  readonly rows: number
  /** What was wrong with the stream: then the run ends. */
  error: UserError | undefined
  readonly #stream: RowStream
  readonly #source: Source
  readonly #watch: StallWatch
  readonly #fits: boolean
  #reader: WindowReader
  #ahead: Promise<Window> | undefined
  /** The time that is open, or begins next. */
  #time: number

  private constructor(stream: RowStream, reader: WindowReader, window: Window, watch: StallWatch, source: Source) {
    this.#stream = stream
    this.#source = source
    this.#reader = reader
    this.#watch = watch
    this.#time = source.next
    this.#ahead = Promise.resolve(window)
    this.#fits = window.last
    this.first = window.data
    this.rows = this.#fits ? window.data.rows : reader.windowRows
  }

  /**
   * Reads the first window.
   * @throws UserError for a stream without rows, of rows that do not fit the model, or that cannot be read as often as is wanted
   */
  static async open(desk: Desk, stream: RowStream, options: ExaminerOptions): Promise<Examiner> {
    const { what, task, spec, bufferRows, times = 1, next = 0, signal } = options
    checkBuffer({ bufferRows }, 'evaluate')
    const { model } = desk.trained('evaluate a stream with')
    const batchSize = compilePlan({ ...spec, evaluationRows: 1 }).evaluationRows
    const source: Source = {
      windows: { what, batchSize, bufferRows, stepsPerEpoch: Infinity },
      times,
      next,
      check: (rows) => checkData(rows, model, task, what),
    }
    const reader = new WindowReader(stream, next, source.windows)
    const watch = new StallWatch(desk.config.recovery.stallSeconds)
    try {
      const window = await nextWindow(reader.next(), reader, watch, () => desk.closed || signal?.aborted === true)
      signal?.throwIfAborted()
      if (!window) throw new Error('closed while it waited for the stream')
      prepared(window, source.check)
      if (canBeReadOnce(stream) && !window.last && times - next > 1) {
        throw new UserError(
          `Expected ${what} that can be read ${times - next} times, once in each epoch, or fits in \`bufferRows\`, got an ` +
            'iterator of more rows, which is read once. Give a function that makes a new one for each epoch, `() => rows()`.',
        )
      }
      return new Examiner(stream, reader, window, watch, source)
    } catch (error) {
      throw await afterClosing(error, reader.close())
    }
  }

  /** While the gate is shut: the window that the run waits for, if it does. Sooner back where `stopped` says so. */
  async fill(session: Session, stopped: () => boolean): Promise<void> {
    const { state, arena, plan } = session
    if (!awaitsEvaluation(state) || this.error) return
    try {
      const window = await this.#find(state[State.evaluationEnd]!, stopped)
      if (!window) return
      if (window.data.rows > 0) {
        prepared(window, this.#source.check)
        await loadData(arena, plan, undefined, window.data)
      }
      state[State.evaluationStart] = window.start
      state[State.evaluationEnd] = window.start + window.data.rows
      state[State.evaluationLast] = window.last ? 1 : 0
      this.#readAhead(window)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      this.error = error
    }
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  /** The window that begins with row `wanted`: after a rest the stream may be in the middle, and is opened anew. */
  async #find(wanted: number, stopped: () => boolean): Promise<Window | undefined> {
    const window = this.#ahead && (await nextWindow(this.#ahead, this.#reader, this.#watch, stopped))
    if (window?.start === wanted || (this.#ahead && !window)) return window
    if (wanted > 0) throw new Error('internal: an evaluation goes on where no window begins')
    void this.#reader.close()
    this.#reader = new WindowReader(this.#stream, this.#time, this.#source.windows)
    this.#ahead = this.#reader.next()
    return nextWindow(this.#ahead, this.#reader, this.#watch, stopped)
  }

  #readAhead({ last }: Window): void {
    if (this.#fits) return
    if (last) this.#time++
    this.#ahead = last && this.#time >= this.#source.times ? undefined : this.#reader.next()
    // Thrown where it is awaited, if it is.
    this.#ahead?.catch(() => {})
  }
}

/** Says how a session's evaluation gets its rows. One that was broken off begins anew. */
export function attachExaminer({ state }: Session, examiner: Examiner | undefined): void {
  state[State.evaluationStreamed] = examiner ? 1 : 0
  state[State.evaluating] = state[State.evaluationStart] = state[State.evaluationEnd] = state[State.evaluationLast] = 0
}
