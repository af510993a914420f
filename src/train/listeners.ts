/**
 * Calls a fit's callbacks. One that fails ends the fit: its error is kept for the end, when all that was trained is safe,
 * and nobody is called any more. One that does not come back is waited for, until the fit is to end: then for
 * `patienceSeconds` longer.
 */
import { UserError } from '../errors.ts'
import type { Callbacks, FitOptions, Progress } from './callbacks.ts'
import type { Root } from './root.ts'

const TICK_MILLIS = 100

export class Listeners {
  readonly #root: Root
  readonly #callbacks: readonly Callbacks[]
  readonly #onProgress: ((progress: Progress) => unknown) | undefined
  readonly #patienceMillis: number
  /** Gives up the call that is open. */
  #giveUp: ((why: Error) => void) | undefined
  #name = ''
  #calls = 0
  #timer: NodeJS.Timeout | undefined

  /** @param root takes what fails; once there is one, nobody is called */
  constructor(
    { callbacks, onProgress }: Pick<FitOptions, 'callbacks' | 'onProgress'>,
    root: Root,
    patienceSeconds: number,
  ) {
    this.#root = root
    this.#callbacks = [callbacks ?? []].flat() as readonly Callbacks[]
    this.#onProgress = onProgress
    this.#patienceMillis = 1000 * patienceSeconds
  }

  get some(): boolean {
    return this.#callbacks.length > 0
  }

  get wantsProgress(): boolean {
    return this.#onProgress !== undefined && !this.#root.isThere
  }

  /** Whether anybody has this callback. */
  has(name: keyof Callbacks): boolean {
    return this.#callbacks.some((callbacks) => callbacks[name] !== undefined)
  }

  async call<K extends keyof Callbacks>(name: K, ...args: Parameters<NonNullable<Callbacks[K]>>): Promise<void> {
    for (const callbacks of this.#callbacks) {
      const callback = callbacks[name] as ((...a: typeof args) => unknown) | undefined
      if (!callback || this.#root.isThere) continue
      try {
        const pending = callback.apply(callbacks, args)
        if (isThenable(pending)) await this.#comesBack(pending, name)
      } catch (error) {
        this.#root.keep(error)
      }
    }
  }

  /** Not waited for. */
  progress(progress: Progress): void {
    try {
      const pending = this.#onProgress!(progress)
      if (isThenable(pending)) pending.then(undefined, (error: unknown) => this.#root.keep(error))
    } catch (error) {
      this.#root.keep(error)
    }
  }

  /** The fit is to end. Time is counted in ticks, each worth two at the most: a suspended process does no harm. */
  hurry(why: string): void {
    if (this.#timer) return
    let [calls, quiet, last] = [this.#calls, 0, performance.now()]
    this.#timer = setInterval(() => {
      const now = performance.now()
      quiet = this.#giveUp && calls === this.#calls ? quiet + Math.min(2 * TICK_MILLIS, now - last) : 0
      calls = this.#calls
      last = now
      if (quiet > this.#patienceMillis) this.#giveUp!(this.#lateError(why))
    }, TICK_MILLIS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** No timer and no growing list of listeners for each call: there may be one for every step. */
  async #comesBack(pending: PromiseLike<unknown>, name: string): Promise<void> {
    this.#calls++
    this.#name = name
    try {
      await new Promise<void>((resolve, reject) => {
        this.#giveUp = reject
        pending.then(() => resolve(), reject)
      })
    } finally {
      this.#giveUp = undefined
    }
  }

  #lateError(why: string): UserError {
    return new UserError(
      `Expected the callback \`${this.#name}\` to come back, but its promise is still open ` +
        `${this.#patienceMillis / 1000} s after ${why}. The fit ended without it; what was trained is kept. See what it ` +
        'waits for; where so long is usual, raise `recovery.stallSeconds`.',
    )
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
