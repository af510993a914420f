/** One run's plan and arena on the host: what goes in before, what is read while the gate is shut, what comes out. */
import { createArena } from '../arena/arena.ts'
import type { Arena, Spare } from '../arena/arena.ts'
import { Control } from '../arena/control.ts'
import type { Dataset } from '../data/dataset.ts'
import { UserError } from '../errors.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { Checkpoint } from './checkpoint.ts'
import { loadData } from './load.ts'
import { forgetPassing } from './snapshot.ts'
import { Reason, State } from './state.ts'
import { fastest, trialsOf } from './tuner.ts'
import type { Trial } from './tuner.ts'
import { readVector, readWeights, writeWeights } from './weights.ts'
import type { Weights } from './weights.ts'

/** A run that was interrupted: the sequencer's state, and what has to be as it was to go on. */
export type Unfinished = Pick<Checkpoint, 'best' | 'trainRows' | 'history'> & { readonly state: Float64Array }

export class Session {
  readonly plan: Plan
  readonly arena: Arena
  /** The sequencer's state: a view, alive while the run is. */
  readonly state: Float64Array

  private constructor(plan: Plan, arena: Arena) {
    this.plan = plan
    this.arena = arena
    this.state = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
  }

  /** @throws UserError when the plan does not fit in an arena */
  static async open(
    spec: PlanSpec,
    weights: Weights,
    training: Dataset | undefined,
    evaluation: Dataset | undefined,
    spare?: Spare,
  ): Promise<Session> {
    const plan = compilePlan(spec)
    await spare?.clear(plan.layout)
    const session = new Session(plan, createArena(plan.layout, spare))
    // Touches the pages of the ring, so that they are resident from the first step on and not as steps go by.
    session.arena.doubles.fill(0, plan.at.ring, plan.at.ring + spec.ringRecords * plan.recordFields)
    await loadData(session.arena, plan, training, evaluation)
    await writeWeights(plan, session.arena.floats, weights)
    return session
  }

  /** @throws UserError when the data is not the interrupted run's */
  restore({ state, best, trainRows }: Unfinished): void {
    const { plan, arena } = this
    if (state.length === this.state.length && state[State.streamed] !== this.state[State.streamed]) {
      const [was, is] =
        this.state[State.streamed] === 1 ? ['data in memory', 'a stream'] : ['a stream', 'data in memory']
      throw new UserError(
        `Expected ${was}, as the interrupted run's, to go on with it; got ${is}. Give the same data, or begin anew.`,
      )
    }
    if (trainRows !== plan.spec.trainRows || state.length !== this.state.length) {
      throw new UserError(
        `Expected the interrupted run's ${trainRows} training rows, metrics and validation data, to go on with it; ` +
          `got ${trainRows === plan.spec.trainRows ? 'other metrics or validation data' : `${plan.spec.trainRows} rows`}. ` +
          `Give the same data${this.state[State.streamed] === 1 ? ' and `bufferRows`' : ''}, or begin anew.`,
      )
    }
    this.state.set(state)
    this.state[State.reason] = Reason.none
    forgetPassing(this.state)
    this.state[State.records] = 0
    this.state[State.stop] = 0
    this.state[State.ask] = 0
    if (!best || !plan.spec.keepBest) return
    plan.placements.all.forEach(({ offset }, i) => arena.floats.set(best[i]!, plan.at.best + offset))
  }

  /** What `workers: 'auto'` saw, and chose; all workers where nothing was tried. */
  tuning(workers: number): { workers: number; trials: Trial[] } {
    const state = this.arena.doubles.subarray(this.plan.at.tuning)
    const trials = trialsOf(state)
    return { workers: trials.length > 1 ? fastest(state) : workers, trials }
  }

  /** The first parameter whose gradient was not finite in the last step, if any. */
  nonFiniteParameter(): string | undefined {
    const { plan, arena } = this
    const { all } = plan.placements
    const isBad = (i: number) => !Number.isFinite(arena.floats[plan.at.gradients + i]!)
    return all.find(({ offset, size }) => {
      for (let i = offset; i < offset + size; i++) if (isBad(i)) return true
      return false
    })?.spec.name
  }

  /** A bit for each of the faults to order that came: once in a run, whichever arenas it has. */
  get fired(): number {
    return this.#control.fired()
  }

  set fired(bits: number) {
    this.#control.haveFired(bits)
  }

  get #control(): Control {
    return new Control(this.arena.words, this.plan.at.control, 0)
  }

  /**
   * Copies of everything a checkpoint keeps; only while nobody works: before, after, or at the gate.
   * @param into older weights that nobody needs any more: their memory is taken
   */
  async capture(into?: Weights): Promise<Pick<Checkpoint, 'weights' | 'state' | 'best' | 'updates' | 'trainRows'>> {
    const { plan, arena, state } = this
    const best = plan.spec.keepBest ? await readVector(plan, arena.floats, plan.at.best) : null
    return {
      weights: await readWeights(plan, arena.floats, into),
      state: state.slice(),
      best,
      updates: state[State.updates]!,
      trainRows: plan.spec.trainRows,
    }
  }
}
