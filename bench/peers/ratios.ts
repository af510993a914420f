/** How many times faster is our best configuration than a peer's best, round by round? */
import type { Result } from './match.ts'
import { spread } from '../statistics.ts'
import type { Spread } from '../statistics.ts'

export interface Ratio {
  /** Names of the two best configurations. */
  readonly ours: string
  readonly peer: string
  /** Peer's step time over ours, over the rounds. */
  readonly times: Spread
  /** Whether the peer computed the same losses. */
  readonly agrees: boolean
}

type Timed = Result & { micros: Spread }

const timed = (results: readonly Result[]): Timed[] =>
  results.filter((result): result is Timed => result.micros !== undefined)

/** The configuration with the smallest median, of one team or of several. */
export const best = (results: readonly Result[]): Timed | undefined =>
  timed(results).sort((a, b) => a.micros.median - b.micros.median)[0]

/** For every peer, against each of our kernels. */
export function ratios(results: readonly Result[]): Ratio[] {
  const teams = [...new Set(results.map(({ team }) => team))]
  const bestOf = (team: string) => best(results.filter((result) => result.team === team))
  const [own, peers] = [true, false].map((isOurs) =>
    teams.filter((team) => team.startsWith('ours') === isOurs).flatMap((team) => bestOf(team) ?? []),
  )
  return peers!.flatMap((peer) =>
    own!.map((ours) => {
      // One time alone, of a slow contestant, is set against every round.
      const perRound = ours.rounds.map((micros, i) => (peer.rounds[i] ?? peer.micros.median) / micros)
      return { ours: ours.name, peer: peer.name, times: spread(perRound), agrees: peer.agrees !== false }
    }),
  )
}
