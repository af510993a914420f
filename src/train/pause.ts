/** The place where a fit rests between `pause` and `resume`. */
export class Pause {
  #rest: PromiseWithResolvers<void> | undefined

  /** Whether a fit rests, or would at its next step boundary. */
  get wanted(): boolean {
    return this.#rest !== undefined
  }

  begin(): void {
    this.#rest ??= Promise.withResolvers()
  }

  end(): void {
    this.#rest?.resolve()
    this.#rest = undefined
  }

  /** Resolves with the pause's end, or with the signal, which may have come before. */
  async over(signal: AbortSignal | undefined): Promise<void> {
    const rest = this.#rest
    if (!rest || signal?.aborted) return
    const wake = () => rest.resolve()
    signal?.addEventListener('abort', wake, { once: true })
    await rest.promise
    signal?.removeEventListener('abort', wake)
  }
}
