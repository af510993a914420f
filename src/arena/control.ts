/**
 * Claiming pieces, closing phases, waiting: the only file that talks Atomics.
 *
 * The pieces of a phase are dealt out in equal runs, a queue for each active worker. A worker takes from its own queue
 * first, so that it meets the same weights phase after phase and step after step, in its own cache; then from the
 * others', so that nobody is idle while there is work.
 *
 * A queue is open while `tickets` can be drawn. Whoever draws ticket t > 0 owns piece `end - t` of the phase that is
 * open *now*: the phase cannot close before that piece is done, so `phase()` read after a successful claim is the
 * right one, however long the worker slept in between. A stale draw on an exhausted queue gets t <= 0 and nothing.
 *
 * Order: JavaScript Atomics are sequentially consistent. The opener writes phase, pieces and `done` before any tickets,
 * and each queue's `end` before its tickets; a claimer reads them after it. All plain writes of a piece come before its
 * `finish`, and the one who finishes last reads them after its own `finish`: so the sequential part between two phases
 * sees everything, and everyone who claims in the next phase sees the sequential part.
 */

/** Words of the control region, each on a cache line of its own where several workers write it. */
const SEQUENCE = 0
const PHASE = 1
const PIECES = 2
const STATUS = 3
const DEALT = 16
const DONE = 32
const DOORBELL = 48
const REQUEST = 49
const RECORDS_WRITTEN = 50
const RECORDS_READ = 51
const ABORTED = 52
const COPYING = 53
const FIRED = 54
const ACTIVE = 56
const ENLISTED = 57
const SUMMONS = 60
/** Tickets for anybody, end, and tickets for the worker of that number alone, of each queue; on a cache line of its own. */
const QUEUES = 64
const QUEUE_WORDS = 16
const END = 1
const RESERVED = 2
/** More workers than this share queues. */
const MOST_QUEUES = 64
const EVERYBODY = 2 ** 31 - 1
export const CONTROL_WORDS = QUEUES + MOST_QUEUES * QUEUE_WORDS

export const Status = { running: 0, gated: 1, ended: 2, aborted: 3 } as const
export type Status = (typeof Status)[keyof typeof Status]

export class Control {
  readonly #words: Int32Array<ArrayBuffer>
  readonly #at: number
  readonly #spins: number

  /** @param spins how often to look before sleeping: only worth it while every worker has a core of its own */
  constructor(words: Int32Array<ArrayBuffer>, at: number, spins: number) {
    this.#words = words
    this.#at = at
    this.#spins = spins
  }

  /**
   * @param fromOutside by a thread that will not work in the phase itself (the host)
   * @param turn -1: pieces go to whoever is free. From 0 on: each is one enlisted worker's, and with the next turn the
   * next worker's; all who are enlisted must be active.
   */
  open(phase: number, pieces: number, fromOutside = false, turn = -1): void {
    const w = this.#words
    const at = this.#at
    Atomics.store(w, at + STATUS, Status.running)
    Atomics.store(w, at + PHASE, phase)
    Atomics.store(w, at + PIECES, pieces)
    Atomics.store(w, at + DONE, 0)
    this.#deal(pieces, turn)
    // An abort stores its flag before it takes the tickets: one of the two sees the other, and nobody claims.
    if (Atomics.load(w, at + ABORTED) === 1) this.#takeTickets()
    Atomics.add(w, at + SEQUENCE, 1)
    // The opener takes a piece itself; with one piece nobody else need wake. From outside all are woken: one might be
    // about to park.
    const helpers = fromOutside || turn >= 0 ? Infinity : pieces - 1
    if (helpers > 0) Atomics.notify(w, at + SEQUENCE, helpers)
  }

  /** Opens a phase that is no worker's: for the thread that waits for summons. */
  summon(phase: number): void {
    const w = this.#words
    const at = this.#at
    Atomics.store(w, at + STATUS, Status.running)
    Atomics.store(w, at + PHASE, phase)
    Atomics.add(w, at + SUMMONS, 1)
    Atomics.notify(w, at + SUMMONS)
  }

  /** Sleeps until there were more than `seen` summons. */
  awaitSummons(seen: number): void {
    // A gate that a worker shuts wakes who waits here, too.
    while (Atomics.load(this.#words, this.#at + SUMMONS) === seen) Atomics.wait(this.#words, this.#at + SUMMONS, seen)
  }

  /** Goes through a phase that has no pieces: nobody could claim one. */
  pass(phase: number): void {
    Atomics.store(this.#words, this.#at + PHASE, phase)
  }

  #deal(pieces: number, turn: number): void {
    const w = this.#words
    const free = turn < 0
    const owners = Math.max(1, Math.min(free ? this.active() : this.enlisted(), MOST_QUEUES))
    const queues = Math.min(owners, Math.max(1, pieces))
    Atomics.store(w, this.#at + DEALT, queues)
    for (let q = 0, start = 0; q < queues; q++) {
      const end = Math.floor(((q + 1) * pieces) / queues)
      const queue = this.#at + QUEUES + (free ? q : (q + turn) % owners) * QUEUE_WORDS
      Atomics.store(w, queue + END, end)
      Atomics.store(w, free ? queue : queue + RESERVED, end - start)
      start = end
    }
  }

  #takeTickets(): void {
    for (let q = 0; q < MOST_QUEUES; q++) {
      const queue = this.#at + QUEUES + q * QUEUE_WORDS
      Atomics.store(this.#words, queue, 0)
      Atomics.store(this.#words, queue + RESERVED, 0)
    }
  }

  /** The worker's next piece of the open phase, or -1. */
  claim(worker = 0): number {
    const w = this.#words
    const queues = Atomics.load(w, this.#at + DEALT)
    for (let i = 0; i < queues; i++) {
      const queue = this.#at + QUEUES + ((worker + i) % queues) * QUEUE_WORDS
      // Looking first leaves the cache line of an exhausted queue where it is.
      if (Atomics.load(w, queue) <= 0) continue
      const ticket = Atomics.sub(w, queue, 1)
      if (ticket > 0) return Atomics.load(w, queue + END) - ticket
    }
    return worker < MOST_QUEUES ? this.#claimReserved(this.#at + QUEUES + worker * QUEUE_WORDS) : -1
  }

  #claimReserved(queue: number): number {
    const w = this.#words
    if (Atomics.load(w, queue + RESERVED) <= 0) return -1
    const ticket = Atomics.sub(w, queue + RESERVED, 1)
    return ticket > 0 ? Atomics.load(w, queue + END) - ticket : -1
  }

  /** True for the worker whose piece was the last one of the phase. */
  finish(): boolean {
    // Read before: once this piece is done the phase may close, and the next one have another number of pieces.
    const pieces = Atomics.load(this.#words, this.#at + PIECES)
    return Atomics.add(this.#words, this.#at + DONE, 1) + 1 === pieces
  }

  phase(): number {
    return Atomics.load(this.#words, this.#at + PHASE)
  }

  sequence(): number {
    return Atomics.load(this.#words, this.#at + SEQUENCE)
  }

  status(): Status {
    if (Atomics.load(this.#words, this.#at + ABORTED) === 1) return Status.aborted
    return Atomics.load(this.#words, this.#at + STATUS) as Status
  }

  /**
   * Sleeps until the sequence is no longer `seen`. Never called by the host.
   * @param looking first for a while: not where another thread wants this one's core meanwhile
   */
  awaitChange(seen: number, looking = true): void {
    const w = this.#words
    const at = this.#at + SEQUENCE
    const spins = looking ? this.#spins : 0
    for (let i = 0; i < spins; i++) if (Atomics.load(w, at) !== seen) return
    Atomics.wait(w, at, seen)
  }

  /** Resolves when the sequence is no longer `seen`: for a worker that is the host's own thread. */
  async changed(seen: number): Promise<void> {
    const outcome = Atomics.waitAsync(this.#words, this.#at + SEQUENCE, seen)
    if (outcome.async) await outcome.value
  }

  /** Sleeps, whatever happens. Never called by the host. */
  sleep(millis: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  }

  /** Differs whenever a piece was claimed or finished, or a phase opened. */
  progress(): string {
    const at = this.#at
    return [SEQUENCE, DONE].map((word) => Atomics.load(this.#words, at + word)).join()
  }

  /** How many workers claim; those whose number is not below it park. */
  active(): number {
    return Atomics.load(this.#words, this.#at + ACTIVE)
  }

  setActive(workers: number): void {
    const w = this.#words
    const at = this.#at + ACTIVE
    Atomics.store(w, at, workers)
    // An abort stores its flag first: nobody parks for good.
    if (Atomics.load(w, this.#at + ABORTED) === 1) Atomics.store(w, at, EVERYBODY)
    Atomics.notify(w, at)
  }

  /** Workers of the run: all of them active, to begin with. */
  enlist(workers: number): void {
    Atomics.store(this.#words, this.#at + ENLISTED, workers)
    this.setActive(workers)
  }

  enlisted(): number {
    return Atomics.load(this.#words, this.#at + ENLISTED)
  }

  /** Sleeps while `worker` is not wanted. Wakes the others first: it may have been the one to open the phase. */
  park(worker: number): void {
    const w = this.#words
    Atomics.notify(w, this.#at + SEQUENCE)
    for (let active = this.active(); worker >= active; active = this.active())
      Atomics.wait(w, this.#at + ACTIVE, active)
  }

  /**
   * Ends or gates the run: nobody can claim, everybody who waits looks up, the host is rung. Aborting is for good: it may
   * come from the host while a worker opens the next phase.
   */
  settle(status: Status): void {
    const w = this.#words
    if (status === Status.aborted) Atomics.store(w, this.#at + ABORTED, 1)
    this.#takeTickets()
    Atomics.store(w, this.#at + STATUS, status)
    Atomics.add(w, this.#at + SEQUENCE, 1)
    Atomics.notify(w, this.#at + SEQUENCE)
    // Who is parked, or waits for summons, must hear of the end.
    Atomics.add(w, this.#at + SUMMONS, status === Status.gated ? 0 : 1)
    Atomics.notify(w, this.#at + SUMMONS)
    if (status !== Status.gated) this.setActive(EVERYBODY)
    this.ring()
  }

  /** Whether the run's state is being copied: whoever dies now leaves the copy torn, and the state as it should be. */
  isCopying(): boolean {
    return Atomics.load(this.#words, this.#at + COPYING) === 1
  }

  /** Plain writes of the copy stay between the two calls. */
  setCopying(copying: boolean): void {
    Atomics.store(this.#words, this.#at + COPYING, copying ? 1 : 0)
  }

  /** After an abort, when every worker has left: the run may be opened again. */
  reopen(): void {
    Atomics.store(this.#words, this.#at + ABORTED, 0)
    Atomics.store(this.#words, this.#at + STATUS, Status.gated)
  }

  /** True once for each `index` below 32, whoever asks first. */
  fireOnce(index: number): boolean {
    return (Atomics.or(this.#words, this.#at + FIRED, 1 << index) & (1 << index)) === 0
  }

  /** A bit for each `index` that fired. */
  fired(): number {
    return Atomics.load(this.#words, this.#at + FIRED)
  }

  /** Those count as fired, in another arena. */
  haveFired(bits: number): void {
    Atomics.or(this.#words, this.#at + FIRED, bits)
  }

  /** Asks the run to end at the next step boundary. */
  requestStop(): void {
    Atomics.store(this.#words, this.#at + REQUEST, 1)
  }

  stopRequested(): boolean {
    return Atomics.load(this.#words, this.#at + REQUEST) === 1
  }

  /** Records of the telemetry ring: how many were ever written, and taken by the host (both wrap at 2^32). */
  recordsWritten(): number {
    return Atomics.load(this.#words, this.#at + RECORDS_WRITTEN) >>> 0
  }

  recordsRead(): number {
    return Atomics.load(this.#words, this.#at + RECORDS_READ) >>> 0
  }

  recordsWaiting(): number {
    return (this.recordsWritten() - this.recordsRead()) >>> 0
  }

  /** Publishes the record whose fields were just written. */
  publishRecord(): void {
    Atomics.add(this.#words, this.#at + RECORDS_WRITTEN, 1)
  }

  releaseRecords(count: number): void {
    Atomics.add(this.#words, this.#at + RECORDS_READ, count)
  }

  /** Wakes the host. */
  ring(): void {
    Atomics.add(this.#words, this.#at + DOORBELL, 1)
    Atomics.notify(this.#words, this.#at + DOORBELL)
  }

  doorbell(): number {
    return Atomics.load(this.#words, this.#at + DOORBELL)
  }

  /** Resolves when the doorbell is no longer `seen`, or after `timeoutMillis`. Does not hold the event loop. */
  async awaitDoorbell(seen: number, timeoutMillis: number): Promise<void> {
    const outcome = Atomics.waitAsync(this.#words, this.#at + DOORBELL, seen, timeoutMillis)
    if (outcome.async) await outcome.value
  }
}
