/**
 * An evaluation as the sequencer goes through it: batch after batch of the rows in the arena, and where they are a stream's,
 * the next ones from the host. As everything between two phases, it knows nothing that is not in the arena.
 */
import type { Arena } from '../arena/arena.ts'
import { pieces } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import { writeValues } from './progress.ts'
import { State, awaitsEvaluation, evaluationEnd } from './state.ts'
import type { Sums } from './sums.ts'

export class Evaluation {
  readonly #plan: Plan
  readonly #state: Float64Array
  readonly #sums: Sums

  constructor(plan: Plan, arena: Arena, sums: Sums) {
    this.#plan = plan
    this.#state = arena.doubles.subarray(plan.at.state)
    this.#sums = sums
  }

  /** From the first row on. @returns whether there is one */
  begin(): boolean {
    const s = this.#state
    const { spec, sums, sumsAt } = this.#plan
    s[State.evaluationCursor] = 0
    s.fill(0, sumsAt.evaluation, sumsAt.evaluation + sums)
    if (spec.evaluationRows === 0) return false
    s[State.evaluating] = s[State.evaluationStreamed]!
    // Rows that fit in the arena are there since the first time.
    const isThere = s[State.evaluationStart] === 0 && s[State.evaluationLast] === 1
    if (!isThere) s[State.evaluationStart] = s[State.evaluationEnd] = s[State.evaluationLast] = 0
    return true
  }

  /** Whether the host has to bring rows before it goes on. */
  get awaitsRows(): boolean {
    return awaitsEvaluation(this.#state)
  }

  /** @returns pieces of the next batch; 0 behind the last row, where the evaluation is over */
  next(): number {
    const rows = this.#batchRows
    if (rows > 0) return pieces.evaluate(this.#plan, rows)
    this.#state[State.evaluating] = 0
    return 0
  }

  /** After the last piece of a batch. */
  closeBatch(): void {
    const { spec, blockRows, sumsAt } = this.#plan
    const rows = this.#batchRows
    if (!spec.keepOutputs) this.#sums.addBlocks(0, rows, blockRows, this.#state, sumsAt.evaluation)
    this.#state[State.evaluationCursor]! += rows
  }

  /** Loss and metrics of all rows, to `into` of the state. */
  writeValues(into: number): void {
    const rows = this.#state[State.evaluationCursor]!
    writeValues(this.#plan, this.#state, into, this.#plan.sumsAt.evaluation, rows, rows)
  }

  get #batchRows(): number {
    return Math.min(
      this.#plan.evaluationRows,
      evaluationEnd(this.#plan, this.#state) - this.#state[State.evaluationCursor]!,
    )
  }
}
