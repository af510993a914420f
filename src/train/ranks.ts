/**
 * What ranks exchange in a step, on the arena itself: MPI moves bytes, the plan's fixed order adds them.
 *
 *   gradients  every rank's slice of every shard (or subtree of shards) to the rank that owns the slice; losses of shards
 *   norms      sums of squares of each slice; whether somebody wants to stop
 *   weights    each rank's updated slice to all
 *   state      each rank's slice of the optimizer's state to all, for checkpoints
 *   wishes     whether somebody wants to stop, after a gate
 *
 * A slice is a run of parameters that one rank adds up and updates. Gradients and weights are 2 (R - 1) / R vectors of
 * parameters for each rank and step, the least there is.
 */
import type { Arena } from '../arena/arena.ts'
import type { Control } from '../arena/control.ts'
import type { Address, Mpi } from '../native/mpi/mpi.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import { pieces } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { endShard, firstShard, firstSlicePiece, forEachEdge, inboxSlot, isOwn, shardsInUse } from '../plan/shards.ts'
import { State } from './state.ts'

/** Words of `State.exchange`: what is to be exchanged, and for the last three what the sequencer does after it. */
export const Kind = { gradients: 1, norms: 2, weights: 3, wishes: 4, stateThenGate: 5, stateThenEnd: 6 } as const

/** What the sequencer asks of the thread it runs in. */
export interface Agreement {
  /** Whether all ranks say so. */
  all(yes: boolean): boolean
}

interface Runs {
  readonly counts: Int32Array
  readonly starts: Int32Array
}

export class Exchange implements Agreement {
  readonly #plan: Plan
  readonly #settings: RunSettings
  readonly #control: Control
  readonly #mpi: Mpi
  readonly #doubles: Float64Array
  readonly #floatsAt: Address
  readonly #doublesAt: Address
  /** By rank: parameters, pieces, segments, shards' sums, and one word. */
  readonly #slices: Runs
  readonly #pieces: Runs
  readonly #segments: Runs
  readonly #segmentPairs: Runs
  readonly #sums: Runs
  readonly #words: Runs
  /** Shards whose subtree's sum a rank hands on, by the number of shards in use. */
  readonly #roots = new Map<number, { shard: number; rank: number }[]>()

  constructor(plan: Plan, settings: RunSettings, control: Control, arena: Arena, mpi: Mpi) {
    this.#plan = plan
    this.#settings = settings
    this.#control = control
    this.#mpi = mpi
    this.#doubles = arena.doubles
    this.#floatsAt = mpi.address(arena.floats)
    this.#doublesAt = mpi.address(arena.doubles)
    const { watch, placements, sums, spec } = plan
    const { sharing } = spec
    const total = pieces.runs(plan)
    const pieceOf = (rank: number) => firstSlicePiece(total, { ...sharing, rank })
    const runs = (bound: (rank: number) => number, each = 1): Runs => {
      const ranks = Array.from({ length: sharing.ranks }, (_, r) => r)
      return {
        starts: Int32Array.from(ranks, (r) => each * bound(r)),
        counts: Int32Array.from(ranks, (r) => each * (bound(r + 1) - bound(r))),
      }
    }
    this.#slices = runs((rank) => Math.min(placements.learned, pieceOf(rank) * UPDATE_PIECE))
    this.#pieces = runs(pieceOf)
    this.#segments = runs((rank) => watch.firstSegment[pieceOf(rank)]!)
    this.#segmentPairs = runs((rank) => watch.firstSegment[pieceOf(rank)]!, 2)
    this.#sums = runs((rank) => firstShard({ ...sharing, rank }), sums + 1)
    this.#words = runs((rank) => rank)
  }

  /** The one that `State.exchange` asks for. */
  make(): void {
    const { at } = this.#plan
    switch (this.#state(State.exchange)) {
      case Kind.gradients:
        this.#gatherDoubles(at.shardSums, this.#sums)
        return this.#settings.reduce === 'mpi-sum' ? this.#reduceScatter() : this.#scatterGradients()
      case Kind.norms:
        this.#gatherDoubles(at.norms, this.#segments)
        if (this.#settings.decide.clip.mode === 'value') this.#gatherDoubles(at.clampedNorms, this.#segments)
        return this.#gatherWishes()
      case Kind.weights:
        this.#gatherFloats(at.parameters)
        this.#gatherDoubles(at.largest, this.#pieces)
        if (this.#state(State.sampled) === 1) this.#gatherDoubles(at.segments, this.#segmentPairs)
        if (this.#state(State.comparable) === 1) this.#gatherDoubles(at.differing, this.#pieces)
        return
      case Kind.wishes:
        return this.#gatherWishes()
      case Kind.stateThenGate:
      case Kind.stateThenEnd:
        for (const slot of at.slots) this.#gatherFloats(slot)
    }
  }

  all(yes: boolean): boolean {
    const { at, spec } = this.#plan
    this.#doubles[at.wishes + spec.sharing.rank] = yes ? 0 : 1
    return this.#somebody() === 0
  }

  #state(word: number): number {
    return this.#doubles[this.#plan.at.state + word]!
  }

  #gatherFloats(at: number): void {
    this.#mpi.allGatherFloats(this.#floatsAt + 4 * at, this.#slices.counts, this.#slices.starts)
  }

  #gatherDoubles(at: number, { counts, starts }: Runs): void {
    this.#mpi.allGatherDoubles(this.#doublesAt + 8 * at, counts, starts)
  }

  #gatherWishes(): void {
    const { at, spec } = this.#plan
    this.#doubles[at.wishes + spec.sharing.rank] = this.#control.stopRequested() ? 1 : 0
    this.#doubles[at.state + State.stop] = this.#somebody()
  }

  #somebody(): number {
    const { at, spec } = this.#plan
    this.#gatherDoubles(at.wishes, this.#words)
    let any = 0
    for (let r = 0; r < spec.sharing.ranks; r++) any = Math.max(any, this.#doubles[at.wishes + r]!)
    return any
  }

  #scatterGradients(): void {
    const { at, placements, ownFirst, spec } = this.#plan
    const { rank, ranks } = spec.sharing
    const [counts, starts] = [this.#slices.counts, this.#slices.starts]
    const mine = counts[rank]!
    for (const root of this.#rootsOf(shardsInUse(this.#plan, this.#state(State.batchRows)))) {
      if (root.rank !== rank) {
        const into = this.#floatsAt + 4 * (at.inbox + inboxSlot(this.#plan, root.shard) * mine)
        if (mine > 0) this.#mpi.receive(into, mine, root.rank, root.shard)
        continue
      }
      const from = at.gradients + (root.shard - ownFirst) * placements.total
      // Begins with the next rank, so that not all send to the same one.
      for (let i = 1; i < ranks; i++) {
        const to = (rank + i) % ranks
        if (counts[to]! > 0) this.#mpi.send(this.#floatsAt + 4 * (from + starts[to]!), counts[to]!, to, root.shard)
      }
    }
    this.#mpi.waitAll()
  }

  #reduceScatter(): void {
    const { at } = this.#plan
    const [from, to] = [this.#floatsAt + 4 * at.gradients, this.#floatsAt + 4 * at.inbox]
    this.#mpi.reduceScatterFloats(from, to, this.#slices.counts)
  }

  /** Shards that are not added to another one by the rank that has them. */
  #rootsOf(used: number): { shard: number; rank: number }[] {
    const known = this.#roots.get(used)
    if (known) return known
    const { sharing } = this.#plan.spec
    const roots: { shard: number; rank: number }[] = []
    for (let rank = 0; rank < sharing.ranks; rank++) {
      const cut = { ownFirst: firstShard({ ...sharing, rank }), ownEnd: endShard({ ...sharing, rank }) }
      const added = new Set<number>()
      forEachEdge(used, (j, s) => {
        if (isOwn(cut, j, s, used)) added.add(j + s)
      })
      for (let shard = cut.ownFirst; shard < Math.min(cut.ownEnd, used); shard++) {
        if (!added.has(shard)) roots.push({ shard, rank })
      }
    }
    this.#roots.set(used, roots)
    return roots
  }
}
