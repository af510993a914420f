/**
 * What a step is made of, measured: the durations of its pieces and sequential parts from a trace of one worker, step by
 * step (so that their spread and what varies together are kept), and what lies around them from traces of one and two.
 */
import { median, midmean, quantile } from '../statistics.ts'
import { episodesOf } from '../scaling/split.ts'
import type { Episode } from '../scaling/split.ts'
import type { Span } from '../traced.ts'
import type { Exchanged } from './ranks.ts'

/** One phase of one step: microseconds of each piece, in the order in which pieces are claimed, and of the sequential part. */
export interface PhaseCosts {
  readonly phase: string
  readonly pieces: readonly number[]
  readonly serial: number
  /** What all ranks exchange after it. */
  readonly then?: Exchanged
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
  /** Microseconds by which a phase's sequential part takes longer: it reads what another core has written. */
  readonly serialContention: ReadonlyMap<string, number>
  /** Microseconds by which claiming a piece takes longer. */
  readonly claimContention: number
}

export interface Costs extends Work, Together {}

/** A worker looks for about this long before it sleeps (`SPINS` of train/run.ts). */
export const LOOKING_MICROS = 100

/** A claim is a few atomic operations: what is left beyond is another time of the day, and no claim. */
const MOST_PER_PIECE = 2

/** Of each round: spans of its settled steps. */
export type Traces = readonly (readonly Span[])[]

/**
 * Cores of a shared machine change their speed by a third for seconds on end, with what its other guests do: some rounds
 * see one speed and some the other, and of two cores each has its own. What is replayed, and what the replay is compared
 * with, are the rounds in which nothing held the cores back: the fastest quarter. Of what such a round saw of one thing,
 * those that were least disturbed count.
 */
export const usual = (rounds: readonly ArrayLike<number>[]): number => midmean(fastest(rounds).map(typical))

const typical = (values: ArrayLike<number>): number => quantile(values, UNDISTURBED)

function fastest<T extends ArrayLike<number>>(rounds: readonly T[]): T[] {
  const seen = rounds.filter(({ length }) => length > 0).toSorted((a, b) => typical(a) - typical(b))
  return seen.slice(0, Math.ceil(seen.length * UNDISTURBED))
}

const UNDISTURBED = 0.25

/**
 * @param traces of one worker alone
 * @param stepMicros its usual step without a trace: what the trace itself costs is taken off
 * @param clockMicros of reading the clock once: a span holds one reading
 */
export function workOf(traces: Traces, stepMicros: number, clockMicros: number): Work {
  const rounds = wholeSteps(traces).map((steps) =>
    steps.map((step) => step.map((episode) => phaseCosts(episode, clockMicros))),
  )
  const times = rounds.map((round) => round.map(timeOf))
  const undisturbedRounds = new Set(fastest(times))
  const steps = rounds.filter((_, i) => undisturbedRounds.has(times[i]!)).flat()
  const claims = median(steps.map((step) => step.reduce((sum, { pieces }) => sum + pieces.length, 0)))
  const seen = usual(times)
  const perPiece = Math.min(MOST_PER_PIECE, Math.max(0, (stepMicros - seen) / claims))
  const own = undisturbed(steps)
  // What the trace costs, and what others took from the core, is spread over all pieces: together they are the step.
  const scale = (stepMicros - claims * perPiece) / midmean(own.map(timeOf))
  return {
    steps: own.map((step) => step.map((phase) => scaled(phase, scale))),
    perPiece,
    interrupted: 1 - sumOf(own.map(timeOf)) / sumOf(steps.map(timeOf)),
  }
}

/** @param one, two traces of the same plan worked off by one worker and by two */
export function togetherOf(one: Traces, two: Traces): Together {
  const [alone, together] = [one, two].map((traces) => traces.map(episodesOf)) as [Episode[][], Episode[][]]
  // What another worker does makes nothing faster: cores that differ do, and are replayed.
  const slower = (before: number, now: number) => Math.max(1, now / before)
  const busy = ({ pieces }: Episode) => sumOf(pieces.map(({ dur }) => dur))
  const serial = ({ closed, end }: Episode) => end - closed
  const before = usualByPhase(alone, busy)
  const serialBefore = usualByPhase(alone, serial)
  return {
    ...wakesOf(two),
    contention: new Map(
      [...usualByPhase(together, busy)].map(([phase, now]) => [phase, slower(before.get(phase)!, now)]),
    ),
    serialContention: new Map(
      [...usualByPhase(together, serial)].map(([phase, now]) => [phase, Math.max(0, now - serialBefore.get(phase)!)]),
    ),
    claimContention: Math.max(0, claimOf(together.flat()) - claimOf(alone.flat())),
  }
}

/** Of the phases of every step. */
function usualByPhase(rounds: readonly Episode[][], of: (episode: Episode) => number): Map<string, number> {
  const byPhase = Map.groupBy(rounds.flat(), ({ phase }) => phase)
  const steps = byPhase.get('update')!.length
  const phases = [...byPhase.keys()].filter((phase) => byPhase.get(phase)!.length > steps / 2)
  const values = (phase: string) => rounds.map((round) => round.filter((one) => one.phase === phase).map(of))
  return new Map([...phases].map((phase) => [phase, usual(values(phase))]))
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** From the end of a piece to the beginning of the same worker's next one in the phase. */
function claimOf(episodes: readonly Episode[]): number {
  const claims = episodes.flatMap(({ pieces }) =>
    [...Map.groupBy(pieces, ({ tid }) => tid).values()].flatMap((own) =>
      own.slice(1).map(({ ts }, i) => ts - own[i]!.ts - own[i]!.dur),
    ),
  )
  return claims.length > 0 ? midmean(claims) : 0
}

/**
 * A piece that takes far longer in one step than it does in most was interrupted: by another process, or by the host of a
 * virtual machine. It takes its usual time instead. Among many workers somebody would be interrupted in every phase, and
 * all the others would wait for him, on a machine that has other work to do; which is not what is asked. Far is beyond
 * Tukey's outer fence, of the phase's pieces each beside its usual time.
 */
function undisturbed(steps: readonly Step[]): Step[] {
  const usual = usualOf(steps)
  const fences = usual.map(({ pieces }, p) => {
    const ratios = steps.flatMap((step) => step[p]!.pieces.map((micros, i) => micros / pieces[i]!))
    const [low, high] = [quantile(ratios, 0.25), quantile(ratios, 0.75)]
    return Math.min(MOST_SPREAD, high + 3 * (high - low))
  })
  const mend = (micros: number, often: number, fence: number) =>
    micros > fence * often + INTERRUPTION_MICROS ? often : micros
  return steps.map((step) =>
    step.map(({ phase, pieces, serial }, p) => ({
      phase,
      pieces: pieces.map((micros, i) => mend(micros, usual[p]!.pieces[i]!, fences[p]!)),
      serial: mend(serial, usual[p]!.serial, MOST_SPREAD),
    })),
  )
}

/** Times its usual time; of few pieces the fence says little. */
const MOST_SPREAD = 2

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

/** Of each trace. A step ends with its update; what does not is no whole step. */
function wholeSteps(traces: Traces): Episode[][][] {
  // The first of a trace may have begun before it did.
  const rounds = traces.map((spans) => stepsOf(episodesOf(spans)).slice(1))
  // A step with more or fewer phases than most is not a usual one.
  const most = Math.round(median(rounds.flat().map((step) => step.length)))
  return rounds.map((steps) => steps.filter((step) => step.length === most))
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
