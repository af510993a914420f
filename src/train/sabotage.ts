/** Makes the faults of plan/faults.ts happen in a worker. Not part of a run without any. */
import type { Arena } from '../arena/arena.ts'
import type { Control } from '../arena/control.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import { isOfNumbers } from '../plan/faults.ts'
import type { Fault } from '../plan/faults.ts'
import { endLane } from '../plan/pieces.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import { State } from './state.ts'
import type { Parts } from './work.ts'

export class Saboteur {
  readonly #worker: number
  readonly #faults: readonly Fault[]
  readonly #plan: Plan
  readonly #control: Control
  readonly #arena: Arena

  constructor(worker: number, faults: readonly Fault[], plan: Plan, control: Control, arena: Arena) {
    this.#worker = worker
    this.#faults = faults
    this.#plan = plan
    this.#control = control
    this.#arena = arena
    this.#strike('start', -1, -1)
  }

  /** A worker's parts, with the faults in them. */
  spoil({ run, advance, rest }: Parts): Parts {
    return {
      run: (phase, piece) => {
        this.#strike('claim', phase, piece)
        run(phase, piece)
        this.#strike('piece', phase, piece)
      },
      advance: () => {
        this.#strike('decide', this.#control.phase(), -1)
        advance()
      },
      rest: (seen) => {
        this.#strike('wait', this.#control.phase(), -1)
        rest(seen)
      },
    }
  }

  #strike(at: Fault['at'], phase: number, piece: number): void {
    const { doubles } = this.#arena
    const step = doubles[this.#plan.at.state + State.batch]!
    const stage = doubles[this.#plan.at.state + State.stage]! + 1
    const fits = (wanted: number, is: number) => wanted === -1 || is === -1 || wanted === is
    this.#faults.forEach((fault, index) => {
      const isTime = lasts(fault) ? step >= fault.step : fits(fault.step, step)
      if (!isTime || fault.at !== at || !fits(fault.phase, phase) || !fits(fault.stage, stage)) return
      if (!fits(fault.piece, piece)) return
      if (fault.kind === 'flip' && !this.#afterLoss()) return
      if (lasts(fault) && !this.#hasPart(fault.part)) return
      if (!fits(fault.worker, this.#worker) || (!this.#control.fireOnce(index) && !lasts(fault))) return
      if (fault.kind !== 'delay' && !isOfNumbers(fault)) this.#tear(at, phase, piece)
      this.#happen(fault)
    })
  }

  /** Whether all back-signals are there. */
  #afterLoss(): boolean {
    const { at, stages } = this.#plan
    return this.#arena.doubles[at.state + State.stage] === stages.length - 1
  }

  /** Whether the whole batch's gradient lies in parts, that one among them. */
  #hasPart(part: number): boolean {
    const { at, placements, spec } = this.#plan
    const state = this.#arena.doubles.subarray(at.state)
    const batchRows = state[State.batchRows]!
    const isWhole = state[State.first]! + state[State.rows]! >= batchRows
    return isWhole && placements.laned > 0 && spec.sharing.shards === 1 && part < endLane(this.#plan, 0, batchRows)
  }

  #multiplyPart(part: number, factor: number): void {
    const { at, placements } = this.#plan
    const from = at.lanes + part * placements.laned
    for (let i = from; i < from + placements.laned; i++) this.#arena.floats[i]! *= factor
  }

  #happen({ kind, millis, part }: Fault): void {
    switch (kind) {
      case 'worker-exit':
        process.exit(1)
        // Ends the thread at the next look for interrupts.
        for (;;);
      case 'worker-throw':
        throw new Error('an error to order')
      case 'worker-stall':
        return this.#control.sleep(Infinity)
      case 'delay':
        return this.#control.sleep(millis)
      case 'torn-write':
        throw new Error('internal: no worker writes checkpoints')
      case 'nan': {
        const { at } = this.#plan
        this.#arena.floats[at.gradients] = NaN
        this.#arena.doubles[at.norms] = NaN
        return
      }
      case 'flip':
        // The highest bit of the exponent: 0.1 becomes 3e37.
        this.#arena.words[this.#plan.network.output.gradient] ^= 1 << 30
        return
      case 'weight': {
        // The highest bit of the mantissa: nothing that a norm would show.
        const { at, watch } = this.#plan
        this.#arena.words[at.parameters + watch.segments.at(-1)!.offset] ^= 1 << 22
        return
      }
      case 'silent-part':
        return this.#multiplyPart(part, 0)
      case 'large-part':
        return this.#multiplyPart(part, 30)
    }
  }

  /**
   * What somebody leaves who dies in the middle: of an update or a copy half a chunk that is neither old nor new. The
   * decision that closes a copy writes the copied state first, and its own only when the copy counts.
   */
  #tear(at: Fault['at'], phase: number, piece: number): void {
    const { plan, arena } = { plan: this.#plan, arena: this.#arena }
    if (at === 'decide') {
      const state = phase === Phase.snapshot ? plan.at.snapshotState : plan.at.state
      arena.doubles.fill(NaN, state, state + plan.stateLength / 2)
    }
    if (at !== 'piece') return
    if (phase === Phase.update || phase === Phase.snapshot) {
      const from = piece * UPDATE_PIECE
      const end = Math.min(plan.placements.total, from + UPDATE_PIECE / 2)
      const vectors = [plan.at.parameters, ...plan.at.slots]
      const copies = vectors.map((_, i) => plan.at.snapshot + i * plan.placements.total)
      for (const vector of phase === Phase.update ? vectors : copies) {
        if (from < end) arena.floats.fill(NaN, vector + from, vector + end)
      }
    } else if (phase === Phase.gradient) {
      arena.floats.fill(NaN, plan.at.gradients, plan.at.gradients + plan.placements.total / 2)
    }
  }
}

/** Whether it happens in every batch from the first on. */
const lasts = ({ kind }: Fault): boolean => kind === 'silent-part' || kind === 'large-part'
