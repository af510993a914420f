/** Keeps the last and the best checkpoint of a run. Weights that are not finite never get here: such updates are not made. */
import { join } from 'node:path'
import type { Plan } from '../plan/plan.ts'
import type { CheckpointOptions } from './callbacks.ts'
import { writeCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { History, Logs } from './history.ts'
import { monitorIndex, monitorMode, valueKeys } from './keys.ts'

export const LAST = 'last.ckpt'
export const BEST = 'best.ckpt'

export class Keeper {
  readonly #options: CheckpointOptions
  readonly #monitor: string
  readonly #sign: number
  readonly #history: History
  #best = Infinity
  #epochs: number
  #writing: Promise<void> = Promise.resolve()

  constructor(plan: Plan, options: CheckpointOptions, history: History) {
    const validation = plan.spec.evaluationRows > 0
    const keys = valueKeys(plan.metrics, validation)
    const asked = options.monitor ?? 'val_loss'
    this.#monitor = asked === 'val_loss' && !validation ? 'loss' : asked
    monitorIndex('checkpoint', this.#monitor, keys)
    this.#sign = monitorMode(this.#monitor, options.mode ?? 'auto', plan.metrics) === 'min' ? 1 : -1
    this.#options = options
    this.#history = history
    this.#epochs = history.epoch.length
    for (const value of history.history[this.#monitor] ?? []) this.#best = Math.min(this.#best, this.#sign * value)
  }

  /** While the run is at its gate: copies what is to be kept; writing it goes on beside the next epoch. */
  async afterEpoch(logs: Logs, capture: () => Checkpoint): Promise<void> {
    // The gate also shuts where the host fell behind: then no epoch ended.
    if (this.#epochs === this.#history.epoch.length) return
    this.#epochs = this.#history.epoch.length
    const value = this.#sign * logs[this.#monitor]!
    const best = value < this.#best
    if (best) this.#best = value
    const due = this.#epochs % (this.#options.every ?? 1) === 0
    if (!best && !due) return
    await this.#writing
    const checkpoint = capture()
    this.#writing = this.#write(checkpoint, due, best)
    // A failure is thrown where it is awaited: at the next checkpoint, or at the end.
    this.#writing.catch(() => {})
  }

  /** Waits for what is being written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  async atEnd(checkpoint: Checkpoint): Promise<void> {
    await this.#writing
    await this.#write(checkpoint, true, false)
  }

  async #write(checkpoint: Checkpoint, last: boolean, best: boolean): Promise<void> {
    if (best) await writeCheckpoint(join(this.#options.directory, BEST), checkpoint)
    if (last) await writeCheckpoint(join(this.#options.directory, LAST), checkpoint)
  }
}
