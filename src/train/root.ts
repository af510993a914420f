/** The error that something ends with: the first. Whatever fails after it, on the way out, is attached to it. */
import { setTimeout } from 'node:timers/promises'
import { withSuppressed } from '../errors.ts'

/** What is closed for an error need not answer. */
const CLOSE_MILLIS = 1000

export class Root {
  #first: { readonly error: unknown } | undefined

  get isThere(): boolean {
    return this.#first !== undefined
  }

  keep(error: unknown): void {
    if (this.#first) withSuppressed(this.#first.error, error)
    else this.#first = { error }
  }

  /** @throws it, if there is one */
  check(): void {
    if (this.#first) throw this.#first.error
  }
}

/** @returns the error for which something is closed; what closing it fails of, within its time, is attached */
export async function afterClosing(error: unknown, closing: Promise<void>): Promise<unknown> {
  const answered = new AbortController()
  const late = setTimeout(CLOSE_MILLIS, undefined, { signal: answered.signal }).catch(() => {})
  try {
    await Promise.race([closing, late])
    return error
  } catch (later) {
    return withSuppressed(error, later)
  } finally {
    answered.abort()
  }
}
