/**
 * What a step is made of, measured: the durations of its pieces and sequential parts from a trace of one worker, step by
 * step (so that their spread and what varies together are kept), and what lies around them from traces of one and two.
 */
import { median } from '../statistics.ts'
import { episodesOf, splitOf } from '../scaling/split.ts'
import type { Episode } from '../scaling/split.ts'
import type { Span } from '../traced.ts'

/** One phase of one step: microseconds of each piece, in the order in which pieces are claimed, and of the sequential part. */
export interface PhaseCosts {
  readonly phase: string
  readonly pieces: readonly number[]
  readonly serial: number
}

/** What one worker does in a step, of one plan. */
export interface Work {
  readonly steps: readonly (readonly PhaseCosts[])[]
  /** Claiming a piece and saying that it is done, in microseconds, nobody else doing so. */
  readonly perPiece: number
}

/** What lies around the pieces when several workers share them. */
export interface Together {
  /** From the opening of a phase until a waiting worker has its piece: one that still looks, one that sleeps. */
  readonly wakeLooking: number
  readonly wakeSleeping: number
  /** How much longer a phase's pieces take while a second worker runs beside. */
  readonly contention: ReadonlyMap<string, number>
}

export interface Costs extends Work, Together {}

/** A worker looks for about this long before it sleeps (`SPINS` of train/run.ts). */
export const LOOKING_MICROS = 100

/**
 * @param spans of one worker alone
 * @param stepMicros its median step without a trace: what the trace itself costs is taken off
 * @param clockMicros of reading the clock once: a span holds one reading
 */
export function workOf(spans: readonly Span[], stepMicros: number, clockMicros: number): Work {
  const steps = stepsOf(episodesOf(spans)).map((step) => step.map((episode) => phaseCosts(episode, clockMicros)))
  const typical = median(steps.map((step) => step.reduce((sum, phase) => sum + timeOf(phase), 0)))
  const claims = median(steps.map((step) => step.reduce((sum, { pieces }) => sum + pieces.length, 0)))
  // A trace costs time of its own, and the machine may have been slower then: the spans are never more than the step.
  const scale = Math.min(1, stepMicros / typical)
  return {
    steps: steps.map((step) => step.map((phase) => scaled(phase, scale))),
    perPiece: Math.max(0, (stepMicros - typical) / claims),
  }
}

/** @param one, two spans of the same plan worked off by one worker and by two */
export function togetherOf(one: readonly Span[], two: readonly Span[]): Together {
  const together = episodesOf(two)
  return { ...wakesOf(together, two), contention: contentionOf(episodesOf(one), together) }
}

const timeOf = ({ pieces, serial }: PhaseCosts): number => pieces.reduce((sum, micros) => sum + micros, serial)

const scaled = ({ phase, pieces, serial }: PhaseCosts, by: number): PhaseCosts => ({
  phase,
  pieces: pieces.map((micros) => micros * by),
  serial: serial * by,
})

function phaseCosts({ phase, pieces, closed, end }: Episode, clock: number): PhaseCosts {
  const ordered = pieces.toSorted((a, b) => a.args.piece - b.args.piece)
  return {
    phase,
    pieces: ordered.map(({ dur }) => Math.max(0, dur - clock)),
    serial: Math.max(0, end - closed - clock),
  }
}

/** A step ends with its update; what does not is no whole step. */
function stepsOf(episodes: readonly Episode[]): Episode[][] {
  const steps: Episode[][] = []
  let open: Episode[] = []
  for (const episode of episodes) {
    open.push(episode)
    if (episode.phase !== 'update') continue
    steps.push(open)
    open = []
  }
  // The first may have begun before the trace did; a step with more or fewer phases than most is not a usual one.
  const usual = median(steps.map((step) => step.length))
  return steps.slice(1).filter((step) => step.length === Math.round(usual))
}

/** Delays of the workers that did not open the phase, by whether they had been waiting for longer than they look. */
function wakesOf(episodes: readonly Episode[], spans: readonly Span[]): { wakeLooking: number; wakeSleeping: number } {
  const looking: number[] = []
  const sleeping: number[] = []
  const busyUntil = new Map<number, number>()
  for (const { start, pieces } of episodes) {
    const opener = spans.find(({ name, ts, dur }) => name === 'decide' && Math.abs(ts + dur - start) < 1e-3)?.tid
    const seen = new Set<number>()
    for (const { tid, ts } of pieces) {
      if (seen.has(tid) || tid === opener) continue
      seen.add(tid)
      const idle = start - (busyUntil.get(tid) ?? -Infinity)
      if (idle > 0) (idle < LOOKING_MICROS ? looking : sleeping).push(Math.max(0, ts - start))
    }
    for (const { tid, ts, dur } of pieces) busyUntil.set(tid, Math.max(busyUntil.get(tid) ?? 0, ts + dur))
  }
  const wakeLooking = looking.length > 0 ? median(looking) : 0.2
  return { wakeLooking, wakeSleeping: sleeping.length > 0 ? Math.max(wakeLooking, median(sleeping)) : 30 }
}

function contentionOf(one: readonly Episode[], two: readonly Episode[]): Map<string, number> {
  const alone = new Map(splitOf(one, 1).map((split) => [split.phase, split.compute]))
  return new Map(
    splitOf(two, 2).map(({ phase, compute }) => [phase, Math.max(1, compute / (alone.get(phase) ?? compute))]),
  )
}
