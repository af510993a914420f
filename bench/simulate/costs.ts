/**
 * What a step is made of, measured: the durations of its pieces and sequential parts from a trace of one worker, step by
 * step (so that their spread and what varies together are kept), and what lies around them from traces of one and two.
 */
import { median } from '../statistics.ts'
import { episodesOf } from '../scaling/split.ts'
import type { Episode } from '../scaling/split.ts'
import type { Span } from '../traced.ts'

/** One phase of one step: microseconds of each piece, in the order in which pieces are claimed, and of the sequential part. */
export interface PhaseCosts {
  readonly phase: string
  readonly pieces: readonly number[]
  readonly serial: number
}

type Step = readonly PhaseCosts[]

/** What one worker does in a step, of one plan. */
export interface Work {
  readonly steps: readonly Step[]
  /** Claiming a piece and saying that it is done, in microseconds, nobody else doing so. */
  readonly perPiece: number
  /** Share of the time in which something else had the core: not replayed, since it is no part of the work. */
  readonly interrupted: number
}

/** What lies around the pieces when several workers share them. */
export interface Together {
  /** From the opening of a phase until a waiting worker has its piece: one that still looks, one that sleeps. */
  readonly wakeLooking: number
  readonly wakeSleeping: number
  /** How much longer a phase's pieces take while a second worker runs beside. */
  readonly contention: ReadonlyMap<string, number>
  /** The same of the sequential parts, which read what another has written. */
  readonly serialContention: number
  /** Microseconds by which claiming a piece takes longer. */
  readonly claimContention: number
}

export interface Costs extends Work, Together {}

/** A worker looks for about this long before it sleeps (`SPINS` of train/run.ts). */
export const LOOKING_MICROS = 100

/** A claim is a few atomic operations: what is left beyond is another time of the day, and no claim. */
const MOST_PER_PIECE = 2

/**
 * @param traces of one worker alone
 * @param stepMicros its median step without a trace: what the trace itself costs is taken off
 * @param clockMicros of reading the clock once: a span holds one reading
 */
export function workOf(traces: readonly (readonly Span[])[], stepMicros: number, clockMicros: number): Work {
  const steps = wholeSteps(traces).map((step) => step.map((episode) => phaseCosts(episode, clockMicros)))
  const seen = median(steps.map(timeOf))
  const claims = median(steps.map((step) => step.reduce((sum, { pieces }) => sum + pieces.length, 0)))
  const perPiece = Math.min(MOST_PER_PIECE, Math.max(0, (stepMicros - seen) / claims))
  const own = undisturbed(steps)
  const typical = median(own.map(timeOf))
  // What the trace costs, and what others took from the core, is spread over all pieces: together they are the step.
  const scale = (stepMicros - claims * perPiece) / typical
  return {
    steps: own.map((step) => step.map((phase) => scaled(phase, scale))),
    perPiece,
    interrupted: 1 - typical / seen,
  }
}

/** @param one, two traces of the same plan worked off by one worker and by two */
export function togetherOf(one: readonly (readonly Span[])[], two: readonly (readonly Span[])[]): Together {
  const [alone, together] = [one, two].map((traces) => traces.flatMap(episodesOf)) as [Episode[], Episode[]]
  const serial = (episodes: readonly Episode[]) => usualSum(episodes, ({ end, closed }) => end - closed)
  return {
    ...wakesOf(two),
    contention: contentionOf(alone, together),
    serialContention: Math.max(1, serial(together) / serial(alone)),
    claimContention: Math.max(0, claimOf(together) - claimOf(alone)),
  }
}

/** From the end of a piece to the beginning of the same worker's next one in the phase. */
function claimOf(episodes: readonly Episode[]): number {
  const claims = episodes.flatMap(({ pieces }) =>
    [...Map.groupBy(pieces, ({ tid }) => tid).values()].flatMap((own) =>
      own.slice(1).map(({ ts }, i) => ts - own[i]!.ts - own[i]!.dur),
    ),
  )
  return claims.length > 0 ? lowerMean(claims) : 0
}

/** Of all phases together, one of each. */
const usualSum = (episodes: readonly Episode[], of: (episode: Episode) => number): number =>
  [...Map.groupBy(episodes, ({ phase }) => phase).values()].reduce((sum, all) => sum + median(all.map(of)), 0)

/**
 * A piece that takes far longer in one step than it does in most was interrupted: by another process, or by the host of a
 * virtual machine. It takes its usual time instead. Among many workers somebody would be interrupted in every phase, and
 * all the others would wait for him, on a machine that has other work to do; which is not what is asked.
 */
function undisturbed(steps: readonly Step[]): Step[] {
  const usual = usualOf(steps)
  const mend = (micros: number, often: number) => (micros > 2 * often + INTERRUPTION_MICROS ? often : micros)
  return steps.map((step) =>
    step.map(({ phase, pieces, serial }, p) => ({
      phase,
      pieces: pieces.map((micros, i) => mend(micros, usual[p]!.pieces[i]!)),
      serial: mend(serial, usual[p]!.serial),
    })),
  )
}

/** Medians over the steps; a piece that not all of them have, of those that do. */
function usualOf(steps: readonly Step[]): { pieces: number[]; serial: number }[] {
  return steps[0]!.map((_, p) => {
    const count = Math.max(...steps.map((step) => step[p]!.pieces.length))
    return {
      pieces: Array.from({ length: count }, (_, i) => median(steps.flatMap((step) => step[p]!.pieces[i] ?? []))),
      serial: median(steps.map((step) => step[p]!.serial)),
    }
  })
}

/** Less than this is not told from a piece's own spread. */
const INTERRUPTION_MICROS = 20

const timeOf = (step: Step): number =>
  step.reduce((sum, { pieces, serial }) => pieces.reduce((total, micros) => total + micros, sum + serial), 0)

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
function wholeSteps(traces: readonly (readonly Span[])[]): Episode[][] {
  // The first of a trace may have begun before it did.
  const steps = traces.flatMap((spans) => stepsOf(episodesOf(spans)).slice(1))
  // A step with more or fewer phases than most is not a usual one.
  const usual = median(steps.map((step) => step.length))
  return steps.filter((step) => step.length === Math.round(usual))
}

function stepsOf(episodes: readonly Episode[]): Episode[][] {
  const steps: Episode[][] = []
  let open: Episode[] = []
  for (const episode of episodes) {
    open.push(episode)
    if (episode.phase !== 'update') continue
    steps.push(open)
    open = []
  }
  return steps
}

/** Delays of the workers that did not open the phase, by whether they had been waiting for longer than they look. */
function wakesOf(traces: readonly (readonly Span[])[]): { wakeLooking: number; wakeSleeping: number } {
  const looking: number[] = []
  const sleeping: number[] = []
  for (const spans of traces) addWakes(episodesOf(spans), spans, looking, sleeping)
  const wakeLooking = looking.length > 0 ? median(looking) : 0.2
  return { wakeLooking, wakeSleeping: sleeping.length > 0 ? Math.max(wakeLooking, median(sleeping)) : 30 }
}

function addWakes(episodes: readonly Episode[], spans: readonly Span[], looking: number[], sleeping: number[]): void {
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
}

/** By the usual time of each piece: an interruption is no contention. */
function contentionOf(one: readonly Episode[], two: readonly Episode[]): Map<string, number> {
  const alone = usualTimes(one)
  return new Map(
    [...usualTimes(two)].map(([phase, micros]) => [phase, Math.max(1, micros / (alone.get(phase) ?? micros))]),
  )
}

function usualTimes(episodes: readonly Episode[]): Map<string, number> {
  return new Map(
    [...Map.groupBy(episodes, ({ phase }) => phase)].map(([phase, all]) => {
      const byPiece = Map.groupBy(
        all.flatMap(({ pieces }) => pieces),
        ({ args }) => args.piece,
      )
      return [phase, [...byPiece.values()].reduce((sum, spans) => sum + lowerMean(spans.map(({ dur }) => dur)), 0)]
    }),
  )
}

/**
 * The mean of the lower half: of what was least disturbed, as the steps are that this is compared with. (The clock's steps, a
 * quarter of a microsecond, are as long as the shortest pieces, so that a single one of them says little.)
 */
function lowerMean(values: readonly number[]): number {
  const lower = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 2))
  return lower.reduce((sum, value) => sum + value, 0) / lower.length
}
