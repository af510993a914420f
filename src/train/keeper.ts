/** Keeps the last checkpoints of a run, the best one, and one that proved good. */
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fault } from '../plan/faults.ts'
import type { Plan } from '../plan/plan.ts'
import type { CheckpointOptions } from './callbacks.ts'
import { writeCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { History, Logs } from './history.ts'
import { LAST, forgetOlder, forgetUnfinished, promote, shift } from './rotation.ts'
import { monitorIndex, monitorMode, valueKeys } from './keys.ts'
import { State } from './state.ts'

export const BEST = 'best.ckpt'

const FAULTS = new Set<string>(['fault', 'fatal'])

export class Keeper {
  readonly #options: CheckpointOptions
  readonly #monitor: string
  readonly #sign: number
  readonly #history: History
  #best = Infinity
  #epochs: number
  /** Whether the files in the folder are of this run: written by it, or the ones it goes on from. */
  #ours: boolean
  #begun = false
  /** Updates behind the last checkpoint. */
  #updates = NaN
  /** Health of the run when the last checkpoint was taken: see `healthOf`. */
  #healthThen = NaN
  #writing: Promise<void> = Promise.resolve()
  /** Faults to order that are still to come. */
  readonly tears: Fault[]

  constructor(plan: Plan, options: CheckpointOptions, history: History, faults: readonly Fault[] = []) {
    this.tears = faults.filter(({ kind }) => kind === 'torn-write')
    const validation = plan.spec.evaluationRows > 0
    const keys = valueKeys(plan.metrics, validation)
    const asked = options.monitor ?? 'val_loss'
    this.#monitor = asked === 'val_loss' && !validation ? 'loss' : asked
    monitorIndex('checkpoint', this.#monitor, keys)
    this.#sign = monitorMode(this.#monitor, options.mode ?? 'auto', plan.metrics) === 'min' ? 1 : -1
    this.#options = options
    this.#history = history
    this.#epochs = history.epoch.length
    this.#ours = history.epoch.length > 0
    for (const value of history.history[this.#monitor] ?? []) this.#best = Math.min(this.#best, this.#sign * value)
  }

  /** While the run is at its gate: copies what is to be kept; writing it goes on beside the next epoch. */
  async afterEpoch(logs: Logs, capture: () => Checkpoint | Promise<Checkpoint>): Promise<void> {
    // The gate also shuts where the host fell behind: then no epoch ended.
    if (this.#epochs === this.#history.epoch.length) return
    this.#epochs = this.#history.epoch.length
    const value = this.#sign * logs[this.#monitor]!
    const best = value < this.#best
    if (best) this.#best = value
    const due = this.#epochs % (this.#options.every ?? 1) === 0
    if (!best && !due) return
    await this.settled()
    const health = this.#healthOf()
    const proven = due && health === this.#healthThen
    if (due) this.#healthThen = health
    const checkpoint = await capture()
    this.#writing = this.#write(checkpoint, due, best, proven)
    // A failure is thrown where it is awaited: at the next checkpoint, or at the end.
    this.#writing.catch(() => {})
  }

  /** Waits for what is being written. @throws once, what it failed of */
  async settled(): Promise<void> {
    const writing = this.#writing
    this.#writing = Promise.resolve()
    await writing
  }

  /** Writes the last one, although one before it may have failed. */
  async atEnd(checkpoint: Checkpoint): Promise<void> {
    const [before] = await Promise.allSettled([this.settled()])
    await this.#write(checkpoint, true, false, false)
    if (before.status === 'rejected') throw before.reason
  }

  /** Counts what was not healthy: the same count later says that all was well between. */
  #healthOf(): number {
    return this.#history.skipped + this.#history.health.filter(({ severity }) => FAULTS.has(severity)).length
  }

  /** As if the power had gone before all bytes were on the disk, and the file's new name was. */
  async #tear(path: string, batch: number): Promise<void> {
    const due = this.tears.findIndex(({ step }) => step < batch)
    if (due === -1) return
    this.tears.splice(due, 1)
    await truncate(path, (await stat(path)).size >> 1)
  }

  /** @param proven whether the last checkpoint was followed by healthy steps only */
  async #write(checkpoint: Checkpoint, last: boolean, best: boolean, proven: boolean): Promise<void> {
    const { directory, keep = 3 } = this.#options
    const path = join(directory, LAST)
    if (!this.#begun) await forgetUnfinished([path, join(directory, BEST)])
    this.#begun = true
    if (best) await writeCheckpoint(join(directory, BEST), checkpoint)
    if (!last) return
    if (proven) await promote(path)
    if (!this.#ours) await forgetOlder(path)
    // The end of a run is often that of an epoch: one file then, not two.
    const isNew = this.#ours && checkpoint.updates !== this.#updates
    await writeCheckpoint(path, checkpoint, () => shift(path, isNew ? keep : 1))
    await this.#tear(path, checkpoint.state?.[State.batch] ?? 0)
    this.#ours = true
    this.#updates = checkpoint.updates
  }
}
