/** The error that something ends with: the first. Whatever fails after it, on the way out, is attached to it. */
import { withSuppressed } from '../errors.ts'

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
