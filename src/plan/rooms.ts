/**
 * Where the tensors of the rows lie: two whose lives do not meet may have the same place. Between two phases lies a
 * barrier: over what is done with in one, the next may put anything. Within a phase of row blocks others are still at
 * earlier layers of their rows, so a tensor may only follow on one with rows as long, at the very same place, where each
 * row takes the place of its own. Nothing of this needs pieces to be repeatable: a run that lost a worker goes on from a
 * snapshot between two steps (src/train/snapshot.ts).
 *
 * The largest first, each at the lowest place that is free while it lives (greedy by size: Pisarchyk and Lee 2020, arXiv
 * 2001.03288): a function of the plan alone.
 */
import type { Schedule } from './lifetimes.ts'

/** So many elements in all, in rows of `cols`. */
export interface Wanted {
  readonly length: number
  readonly cols: number
}

export interface Rooms {
  /** First element of each. */
  readonly offsets: readonly number[]
  /** Elements of all, and what they would be if none shared its place. */
  readonly length: number
  readonly apart: number
}

/** Elements of a cache line. */
const LINE = 16

export function placeRooms(wanted: readonly Wanted[], schedules: readonly Schedule[]): Rooms {
  const sizes = wanted.map(({ length }) => Math.ceil(length / LINE) * LINE)
  const offsets = wanted.map(() => 0)
  const placed: number[] = []
  const order = wanted.map((_, i) => i).toSorted((a, b) => sizes[b]! - sizes[a]! || a - b)
  for (const i of order) {
    offsets[i] = lowestPlace(i)
    placed.push(i)
  }
  return {
    offsets,
    length: placed.reduce((end, i) => Math.max(end, offsets[i]! + sizes[i]!), 0),
    apart: sizes.reduce((sum, size) => sum + size, 0),
  }

  function lowestPlace(i: number): number {
    const size = sizes[i]!
    const others = placed.flatMap((other) => {
      const meeting = meetingOf(i, other)
      return meeting === Meeting.none ? [] : [{ from: offsets[other]!, end: offsets[other]! + sizes[other]!, meeting }]
    })
    others.sort((a, b) => a.from - b.from)
    let place = 0
    for (const { from, end } of others) {
      if (from >= place + size) break
      place = Math.max(place, end)
    }
    const fits = (at: number) =>
      others.every(
        ({ from, end, meeting }) => at + size <= from || at >= end || (meeting === Meeting.follows && at === from),
      )
    const above = others.flatMap(({ from, meeting }) => (meeting === Meeting.follows && from < place ? [from] : []))
    return [...new Set(above)].find(fits) ?? place
  }

  function meetingOf(i: number, j: number): Meeting {
    const sameRows = wanted[i]!.cols === wanted[j]!.cols
    let most: Meeting = Meeting.none
    for (const { lives, phases } of schedules) {
      const [a, b] = [lives[i], lives[j]]
      if (!a || !b) continue
      const [before, after] = a[0] < b[0] ? [a, b] : [b, a]
      if (before[1] >= after[0]) return Meeting.both
      if (phases[before[1]] !== phases[after[0]]) continue
      if (!sameRows) return Meeting.both
      most = Meeting.follows
    }
    return most
  }
}

/** How two tensors meet: never in a phase; one after the other in a phase of row blocks; or they are needed together. */
const Meeting = { none: 0, follows: 1, both: 2 } as const
type Meeting = (typeof Meeting)[keyof typeof Meeting]
