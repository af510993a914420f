/**
 * Where the time of the workers goes, from a trace: pieces (compute), the sequential part between two phases (serial,
 * during which the others wait too), and everything else (wait: claiming, barriers, idle at the end of a phase).
 * compute + serial + wait of all phases is exactly workers x the traced time.
 */
import type { Span } from '../traced.ts'

export interface PhaseSplit {
  readonly phase: string
  /** How many times the phase was seen. */
  readonly count: number
  /** Microseconds of all workers together, per time the phase was run. */
  readonly compute: number
  readonly wait: number
  readonly serial: number
}

/** One run of a phase: from the end of the sequential part before it to the end of the one behind it. */
export interface Episode {
  readonly phase: string
  readonly start: number
  /** When the last piece was done, and when the sequential part after it was. */
  readonly closed: number
  end: number
  readonly pieces: readonly Span[]
}

/** The phases in order, as whole episodes that every worker's ring still holds. */
export function episodesOf(spans: readonly Span[]): Episode[] {
  const workers = [...new Set(spans.map(({ tid }) => tid))]
  // Rings of busy workers reach less far back: begin where all of them do.
  const from = Math.max(...workers.map((worker) => spans.find(({ tid }) => tid === worker)!.ts))
  const sorted = spans.filter(({ ts, name }) => ts >= from && name !== 'wait').toSorted((a, b) => a.ts - b.ts)
  const episodes: Episode[] = []
  let decide: Span | undefined
  let pieces: Span[] = []
  for (const span of sorted) {
    if (span.name !== 'decide') {
      pieces.push(span)
      continue
    }
    if (decide && pieces.length > 0) {
      const start = endOf(decide, pieces)
      const before = episodes.at(-1)
      if (before) before.end = start
      episodes.push({ phase: pieces[0]!.name, start, closed: span.ts, end: span.ts + span.dur, pieces })
    }
    decide = span
    pieces = []
  }
  return episodes
}

/** A sequential part is over when a piece begins, even if the worker that opened the phase is itself held up. */
const endOf = (decide: Span, next: readonly Span[]): number => Math.min(decide.ts + decide.dur, next[0]!.ts)

export function splitOf(episodes: readonly Episode[], workers: number): PhaseSplit[] {
  const byPhase = Map.groupBy(episodes, ({ phase }) => phase)
  return [...byPhase].map(([phase, all]) => {
    const sum = (of: (episode: Episode) => number) =>
      all.reduce((total, episode) => total + of(episode), 0) / all.length
    const compute = sum(({ pieces }) => pieces.reduce((total, { dur }) => total + dur, 0))
    const serial = sum(({ closed, end }) => workers * (end - closed))
    return {
      phase,
      count: all.length,
      compute,
      serial,
      wait: sum(({ start, end }) => workers * (end - start)) - compute - serial,
    }
  })
}
