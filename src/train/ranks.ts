/**
 * What ranks exchange in a step, on the arena itself: MPI moves bytes, the plan's fixed order adds them.
 *
 *   moments    what each shard's rows of the micro-batch come to, where a layer asks for all of them (batch normalisation)
 *   gradients  every rank's slice of every shard (or subtree of shards) to the rank that owns the slice; losses of shards
 *   norms      sums of squares of each slice; whether somebody wants to stop
 *   weights    each rank's updated slice to all
 *   state      each rank's slice of the optimizer's state to all, for checkpoints; to rank 0 alone where it is sharded
 *   wishes     whether somebody wants to stop, after a gate
 *
 * A slice is a run of parameters that one rank adds up and updates. Gradients and weights are 2 (R - 1) / R vectors of
 * parameters for each rank and step, the least there is.
 */
import type { Arena } from '../arena/arena.ts'
import type { Control } from '../arena/control.ts'
import { RankLost } from '../errors.ts'
import { exponentOf } from '../gradient/coefficient.ts'
import type { Address, Mpi } from '../native/mpi/mpi.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import { pieces } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { endShard, firstShard, firstSlicePiece, forEachEdge, inboxSlot, isOwn, shardsInUse } from '../plan/shards.ts'
import { meetingBefore } from '../plan/stages.ts'
import { State } from './state.ts'

/** Words of `State.exchange`: what is to be exchanged, and for the last three what the sequencer does after it. */
export const Kind = {
  moments: 1,
  gradients: 2,
  norms: 3,
  weights: 4,
  wishes: 5,
  stateThenGate: 6,
  stateThenEnd: 7,
} as const

/** Whether this rank waits for others, of which one may be at its gate: saving, or in a callback. */
export const waitsForGate = ({ at }: Plan, { doubles }: Arena): boolean =>
  doubles[at.state + State.exchange] === Kind.wishes

/** Why the job cannot go on, where something is still to come from other ranks in the open exchange. */
export function silentRanks(
  { at, spec }: Plan,
  { doubles }: Arena,
  nameOf: (rank: number) => string,
  quietSeconds: number,
): RankLost | undefined {
  const ranks = Array.from({ length: spec.sharing.ranks }, (_, r) => r)
  const silent = ranks.filter((r) => doubles[at.awaited + r]! > 0)
  if (silent.length === 0) return undefined
  const what = Object.entries(Kind).find(([, kind]) => kind === doubles[at.state + State.exchange])?.[0]
  const step = doubles[at.state + State.batch]!
  return new RankLost(
    `Training stopped: expected every rank's part of the exchange (${what}) of step ${step}, got nothing for ` +
      `${quietSeconds.toFixed(0)} s from ${silent.map(nameOf).join(', ')}: the process hangs, or its machine cannot be ` +
      'reached. The job ends; the last checkpoint is whole, and any number of ranks goes on from it (--resume).',
    { step, phase: 'exchange' },
  )
}

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
  readonly #floats: Float32Array
  readonly #floatsAt: Address
  readonly #doublesAt: Address
  /** By rank: parameters, pieces, segments, shards' sums, and one word. */
  readonly #slices: Runs
  readonly #pieces: Runs
  readonly #segments: Runs
  readonly #segmentPairs: Runs
  readonly #sums: Runs
  /** By stage: what is gathered before it. */
  readonly #rooms: readonly (readonly { at: number; shards: Runs }[])[]
  readonly #words: Runs
  /** Shards whose subtree's sum a rank hands on, by the number of shards in use. */
  readonly #roots = new Map<number, { shard: number; rank: number }[]>()

  constructor(plan: Plan, settings: RunSettings, control: Control, arena: Arena, mpi: Mpi) {
    this.#plan = plan
    this.#settings = settings
    this.#control = control
    this.#mpi = mpi
    this.#doubles = arena.doubles
    this.#floats = arena.floats
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
    this.#rooms = plan.stages.map((stage) =>
      (meetingBefore(stage)?.rooms ?? []).map(({ at, elements }) => ({
        at,
        shards: runs((rank) => firstShard({ ...sharing, rank }), elements),
      })),
    )
    this.#words = runs((rank) => rank)
  }

  /** The one that `State.exchange` asks for: all its transfers begin together, and it is over when they are. */
  make(): void {
    const { at } = this.#plan
    switch (this.#state(State.exchange)) {
      case Kind.moments:
        for (const { at, shards } of this.#rooms[this.#state(State.stage)]!) this.#gatherFloats(at, shards)
        return this.#finish()
      case Kind.gradients:
        this.#gatherDoubles(at.shardSums, this.#sums)
        if (this.#settings.reduce === 'tree') this.#scatterGradients()
        this.#finish()
        if (this.#settings.reduce === 'mpi-sum') this.#reduceScatter()
        return
      case Kind.norms:
        this.#gatherDoubles(at.norms, this.#segments)
        if (this.#settings.decide.clip.mode === 'value' || exponentOf(this.#settings.decide.clip) !== 2)
          this.#gatherDoubles(at.clipNorms, this.#segments)
        return this.#gatherWishes()
      case Kind.weights:
        this.#gatherFloats(at.parameters)
        this.#gatherDoubles(at.largest, this.#pieces)
        if (this.#state(State.sampled) > 0) this.#gatherDoubles(at.segments, this.#segmentPairs)
        if (this.#state(State.comparable) > 0) this.#gatherDoubles(at.differing, this.#pieces)
        return this.#finish()
      case Kind.wishes:
        return this.#gatherWishes()
      case Kind.stateThenGate:
      case Kind.stateThenEnd:
        if (at.joined === at.slots) for (const slot of at.slots) this.#gatherFloats(slot)
        else this.#joinState()
        this.#finish()
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

  #gatherFloats(at: number, runs = this.#slices): void {
    this.#gather(this.#floatsAt + 4 * at, runs, 4)
  }

  /** On rank 0, which saves. */
  #joinState(): void {
    const { at, spec } = this.#plan
    const { rank, ranks } = spec.sharing
    const { counts, starts } = this.#slices
    at.slots.forEach((slot, s) => {
      if (rank > 0) {
        if (counts[rank]! > 0) this.#send(this.#floatsAt + 4 * (slot + starts[rank]!), 4 * counts[rank]!, 0)
        return
      }
      const into = at.joined[s]!
      this.#floats.copyWithin(into, slot, slot + counts[0]!)
      for (let from = 1; from < ranks; from++) {
        if (counts[from]! > 0) this.#receive(this.#floatsAt + 4 * (into + starts[from]!), 4 * counts[from]!, from)
      }
    })
  }

  #gatherDoubles(at: number, runs: Runs): void {
    this.#gather(this.#doublesAt + 8 * at, runs, 8)
  }

  /** Each rank's run of elements to all others. */
  #gather(at: Address, { counts, starts }: Runs, elementBytes: number): void {
    const { rank, ranks } = this.#plan.spec.sharing
    for (let i = 1; i < ranks; i++) {
      const from = (rank + ranks - i) % ranks
      if (counts[from]! > 0) this.#receive(at + elementBytes * starts[from]!, elementBytes * counts[from]!, from)
    }
    if (counts[rank] === 0) return
    // Begins with the next rank, so that not all send to the same one.
    for (let i = 1; i < ranks; i++) {
      this.#send(at + elementBytes * starts[rank]!, elementBytes * counts[rank]!, (rank + i) % ranks)
    }
  }

  /** Of the open exchange: never 0, which is for what ranks say outside of runs. */
  get #tag(): number {
    return this.#state(State.exchange) + 8 * (this.#state(State.batch) % 4096)
  }

  /** A rank that hangs may have sent its own part, and not take ours. */
  #send(at: Address, bytes: number, to: number): void {
    this.#doubles[this.#plan.at.awaited + to]!++
    this.#mpi.send(at, bytes, to, this.#tag)
  }

  #receive(at: Address, bytes: number, from: number): void {
    this.#doubles[this.#plan.at.awaited + from]!++
    this.#mpi.receive(at, bytes, from, this.#tag)
  }

  /** Until everything has come and gone; meanwhile the host can see of whom that is not so. */
  #finish(): void {
    this.#mpi.waitAll(this.#over, this.#over)
  }

  readonly #over = (rank: number): void => void this.#doubles[this.#plan.at.awaited + rank]!--

  #gatherWishes(): void {
    const { at, spec } = this.#plan
    this.#doubles[at.wishes + spec.sharing.rank] = this.#control.stopRequested() ? 1 : 0
    this.#doubles[at.state + State.stop] = this.#somebody()
  }

  #somebody(): number {
    const { at, spec } = this.#plan
    this.#gatherDoubles(at.wishes, this.#words)
    this.#finish()
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
        if (mine > 0) this.#receive(into, 4 * mine, root.rank)
        continue
      }
      const from = at.gradients + (root.shard - ownFirst) * placements.total
      for (let i = 1; i < ranks; i++) {
        const to = (rank + i) % ranks
        if (counts[to]! > 0) this.#send(this.#floatsAt + 4 * (from + starts[to]!), 4 * counts[to]!, to)
      }
    }
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
