/**
 * A match: all contestants on one workload, alive at the same time, taking turns.
 *
 * Round after round each runs for a short time; every round begins with another contestant, so that a noisy moment or
 * a warm cache favours nobody. Between turns there is a pause, in which threads that spin for a while fall asleep.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from './child.ts'
import type { Entry } from './contestants.ts'
import type { About } from './protocol.ts'
import { deviation, spread } from '../statistics.ts'
import type { Spread } from '../statistics.ts'

/** Losses agree when no step's differs by more, relatively. Clipping left out shows as 1e-4 and more. */
export const TOLERANCE = 1e-4

/** Longer than OpenBLAS and OpenMP threads spin by default. */
const PAUSE_MILLIS = 60
/** A contestant with longer steps is timed once, not in every round. */
const SLOW_MICROS = 3e6

export interface Result {
  readonly name: string
  readonly team: string
  /** Why there are no times. */
  missing?: string
  about?: About
  note?: string | undefined
  /** Largest relative difference of its first losses from ours. */
  deviation?: number
  agrees?: boolean
  /** Median step time of each round, in microseconds. */
  rounds: number[]
  micros?: Spread
  /** Mean over the last round: collections of garbage and interruptions included. */
  meanMicros?: number
  /** Share of a core that it used while others ran. */
  idleShare?: number
  /** Peak resident memory of its processes, start-up and the check included. */
  peakBytes?: number
}

interface Player extends Result {
  child: Child
  losses: readonly number[]
  steps: number
  idleSeconds: number
  othersSeconds: number
  restedAt: { cpu: number; time: number } | undefined
}

export interface MatchOptions {
  readonly rounds: number
  /** Of one turn. */
  readonly seconds: number
  readonly say: (line: string) => void
  /** What else takes a turn, at the end of every round. */
  readonly endRound?: () => Promise<void>
}

export async function match(all: readonly Entry[], dir: string, options: MatchOptions): Promise<Result[]> {
  const players: Player[] = []
  const results: Result[] = []
  for (const entry of all) {
    const base = { name: entry.name, team: entry.team, rounds: [] }
    options.say(`  ${entry.name}`)
    const player = await enter(entry, base, dir, options.seconds)
    results.push(player)
    if ('child' in player) players.push(player)
  }
  try {
    for (let round = 0; round < options.rounds; round++) {
      options.say(`  round ${round + 1} of ${options.rounds}`)
      for (let i = 0; i < players.length; i++) {
        const player = players[(i + round) % players.length]!
        if (!player.missing && player.steps > 0) await turn(player)
      }
      await options.endRound?.()
    }
    for (const player of players) player.peakBytes = player.child.peakBytes()
  } finally {
    for (const { child } of players) child.end()
  }
  const expected = players.find(({ team }) => team.startsWith('ours'))?.losses
  return results.map((result) => conclude(result, expected))
}

async function enter(entry: Entry, base: Result, dir: string, seconds: number): Promise<Player | Result> {
  const missing = entry.missing()
  if (missing) return { ...base, missing }
  const child = new Child(entry)
  try {
    const about = await child.about()
    const { losses, note } = await child.ask({ cmd: 'prepare', dir })
    const player = { ...base, child, about, note, losses, steps: 0, idleSeconds: 0, othersSeconds: 0 }
    let first = await child.ask({ cmd: 'run', steps: 1 })
    // Unless it was a compiler that was slow.
    if (first.micros > SLOW_MICROS) first = await child.ask({ cmd: 'run', steps: 1 })
    if (first.micros > SLOW_MICROS) {
      return { ...player, rounds: [first.micros], meanMicros: first.mean, restedAt: undefined }
    }
    // Compilers finish during a turn that does not count; what it took says how many steps the others have.
    const stepsFor = (micros: number) => Math.max(4, Math.ceil((seconds * 1e6) / micros))
    const warm = await child.ask({ cmd: 'run', steps: stepsFor(first.mean) })
    await sleep(PAUSE_MILLIS)
    return { ...player, steps: stepsFor(warm.micros), restedAt: now(child) }
  } catch (error) {
    child.end()
    return { ...base, missing: (error as Error).message }
  }
}

const now = (child: Child) => ({ cpu: child.cpuSeconds(), time: performance.now() / 1e3 })

async function turn(player: Player): Promise<void> {
  const { child, restedAt } = player
  const woken = now(child)
  if (restedAt) {
    player.idleSeconds += woken.cpu - restedAt.cpu
    player.othersSeconds += woken.time - restedAt.time
  }
  try {
    const { micros, mean } = await child.ask({ cmd: 'run', steps: player.steps })
    player.rounds.push(micros)
    player.meanMicros = mean
  } catch (error) {
    player.missing = (error as Error).message
  }
  await sleep(PAUSE_MILLIS)
  player.restedAt = now(child)
}

function conclude(result: Result, expected: readonly number[] | undefined): Result {
  const { name, team, missing, about, note, rounds, meanMicros } = result
  if (!('child' in result)) return result
  const { losses, idleSeconds, othersSeconds, peakBytes } = result as Player
  return {
    ...{ name, team, about, note, rounds },
    ...(missing ? { missing } : {}),
    ...(rounds.length > 0 ? { micros: spread(rounds), meanMicros } : {}),
    ...(expected ? agreement(deviation(losses, expected)) : {}),
    ...(peakBytes === undefined ? {} : { peakBytes }),
    ...(othersSeconds > 0 ? { idleShare: idleSeconds / othersSeconds } : {}),
  } as Result
}

const agreement = (difference: number) => ({ deviation: difference, agrees: difference <= TOLERANCE })
