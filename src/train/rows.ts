/** The rows that a fit trains on: as they came, or with sound ones in place of those that are broken. */
import type { ResolvedConfig } from '../config/schema.ts'
import { withoutBroken } from '../data/broken.ts'
import type { Dataset } from '../data/dataset.ts'

export class Rows {
  readonly #raw: Dataset
  #sound: ReturnType<typeof withoutBroken> | undefined

  constructor(raw: Dataset) {
    this.#raw = raw
  }

  of({ brokenRows }: Pick<ResolvedConfig['health'], 'brokenRows'>): Dataset {
    return brokenRows === 'replace' ? this.#mended.data : this.#raw
  }

  /** Of these how many are broken. */
  get broken(): number {
    return this.#mended.broken
  }

  get #mended() {
    return (this.#sound ??= withoutBroken(this.#raw))
  }
}
