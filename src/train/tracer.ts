/**
 * Who did what when: the last pieces, waits and sequential parts of each worker, in the arena while the run is on, and
 * as a Chrome trace (chrome://tracing, ui.perfetto.dev) after it. Off unless asked for; nothing else reads it.
 * An event is: what, stage of the rows part, piece, start and end in milliseconds since the process began, for all of its
 * threads. Since 1970 they would be, in one double, multiples of a quarter of a microsecond.
 */
import type { Arena } from '../arena/arena.ts'
import { EVENT_FIELDS, traceDoubles } from '../plan/lengths.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { Parts } from './work.ts'

/** What a worker does beside the plan's phases. */
const WAIT = 0
const DECIDE = -1

export class Tracer {
  readonly #ring: Float64Array
  readonly #events: number

  constructor(plan: Plan, arena: Arena, worker: number) {
    this.#events = plan.spec.traceEvents
    const length = traceDoubles(this.#events)
    const start = plan.at.trace + worker * length
    this.#ring = arena.doubles.subarray(start, start + length)
  }

  /** A worker's parts, which keep when they run. */
  watch({ run, advance, rest }: Parts, stage: () => number): Parts {
    return {
      run: (phase, piece) => this.#time(phase, stage(), piece, () => run(phase, piece)),
      advance: () => this.#time(DECIDE, 0, 0, advance),
      rest: (seen) => this.#time(WAIT, 0, 0, () => rest(seen)),
    }
  }

  #time(what: number, stage: number, piece: number, work: () => void): void {
    const start = performance.now()
    work()
    const at = 1 + (this.#ring[0]!++ % this.#events) * EVENT_FIELDS
    this.#ring[at] = what
    this.#ring[at + 1] = stage
    this.#ring[at + 2] = piece
    this.#ring[at + 3] = start
    this.#ring[at + 4] = performance.now()
  }
}

export interface TraceEvent {
  readonly worker: number
  /** `rows 2`, `gradient`, .., `decide`, `wait`. */
  readonly name: string
  readonly piece: number
  /** Since the process began. */
  readonly startMillis: number
  readonly endMillis: number
}

/** The events that the rings hold, worker by worker, each in order. */
export function traceOf(plan: Plan, arena: Arena): TraceEvent[] {
  const { traceEvents, workers } = plan.spec
  const events: TraceEvent[] = []
  for (let worker = 0; worker < workers && traceEvents > 0; worker++) {
    const ring = plan.at.trace + worker * traceDoubles(traceEvents)
    const written = arena.doubles[ring]!
    for (let i = Math.max(0, written - traceEvents); i < written; i++) {
      const at = ring + 1 + (i % traceEvents) * EVENT_FIELDS
      const [what, stage, piece, startMillis, endMillis] = arena.doubles.subarray(at, at + EVENT_FIELDS)
      events.push({
        worker,
        name: nameOf(plan, what!, stage!),
        piece: piece!,
        startMillis: startMillis!,
        endMillis: endMillis!,
      })
    }
  }
  return events
}

function nameOf(plan: Plan, what: number, stage: number): string {
  if (what === WAIT) return 'wait'
  if (what === DECIDE) return 'decide'
  if (what === Phase.rows) return plan.stages.length > 1 ? `rows ${stage + 1}` : 'rows'
  return Object.entries(Phase).find(([, phase]) => phase === what)![0]
}

/** In the Trace Event Format: complete events, times in microseconds, one thread per worker. */
export function chromeTrace(events: readonly TraceEvent[]): string {
  const start = events.reduce((least, { startMillis }) => Math.min(least, startMillis), Infinity)
  const workers = [...new Set(events.map(({ worker }) => worker))]
  const threads = workers.map((tid) => ({ name: 'thread_name', ph: 'M', pid: 1, tid, args: { name: `worker ${tid}` } }))
  const spans = events.map(({ worker, name, piece, startMillis, endMillis }) => ({
    name,
    cat: name === 'wait' ? 'wait' : 'step',
    ph: 'X',
    pid: 1,
    tid: worker,
    ts: (startMillis - start) * 1000,
    dur: (endMillis - startMillis) * 1000,
    args: { piece },
  }))
  return JSON.stringify({ displayTimeUnit: 'ns', traceEvents: [...threads, ...spans] })
}
