/**
 * Notices that nobody moves. Time is counted in ticks of the host, each worth two at the most: a process that was
 * suspended, a clock that jumped or an event loop that was blocked looks like a single tick.
 */
const MAX_TICK_MILLIS = 200
/** So many times the longest quiet that there was is too long. */
const TIMES_LONGEST = 20
/** Before the first step threads start and compile. */
const TIMES_AT_START = 10

/** Why a worker is taken for lost that gives no sign. */
export class Stuck extends Error {
  constructor(seconds: number) {
    super(`expected it to go on, got nothing for ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`)
  }
}

export class StallWatch {
  readonly #leastMillis: number
  #last = performance.now()
  #mark = ''
  #quiet = 0
  #longest = 0
  #moves = 0

  constructor(leastSeconds: number) {
    this.#leastMillis = leastSeconds * 1000
  }

  /**
   * @param mark differs whenever somebody moved. True when nobody has for too long.
   * @param patient: somebody is busy with what has no usual length, as at the start
   */
  isStuck(mark: string, patient = false): boolean {
    const now = performance.now()
    const passed = Math.min(MAX_TICK_MILLIS, now - this.#last)
    this.#last = now
    if (mark !== this.#mark) {
      this.#mark = mark
      if (this.#moves++ > 1) this.#longest = Math.max(this.#longest, this.#quiet)
      this.#quiet = 0
      return false
    }
    this.#quiet += passed
    const least = this.#moves > 2 && !patient ? this.#leastMillis : TIMES_AT_START * this.#leastMillis
    return this.#quiet > Math.max(least, TIMES_LONGEST * this.#longest)
  }

  /** Seconds without a move so far. */
  get quietSeconds(): number {
    return this.#quiet / 1000
  }

  /** Nobody is expected to move: the run waits for the host. */
  rest(): void {
    this.#quiet = 0
  }
}
