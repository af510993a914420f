/** Tournaments: who wins, that all begin alike, and that the winner goes on as if there had been no others. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Phase } from '../../src/plan/plan.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import type { View } from '../../src/train/inline.ts'
import type { Chosen } from '../../src/train/remedies.ts'
import { State } from '../../src/train/state.ts'
import { Tournament, TRIAL_STEPS } from '../../src/train/tournament.ts'
import type { Base, Result } from '../../src/train/tournament.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { evenly } from '../gradient/generators.ts'
import { blobs } from './data.ts'

type Ended = Pick<Result, 'explained' | 'isSound'>

const entrant = (name: string) => ({ remedy: { name } }) as Chosen

/** @returns the place of the winner */
function winnerOf(ended: readonly Ended[]): number {
  const entrants = ended.map((_, i) => entrant(String(i)))
  const tournament = new Tournament({} as Base, entrants)
  for (const [i, one] of ended.entries()) {
    expect(tournament.current).toBe(entrants[i])
    tournament.end({ ...({} as Result), ...one })
  }
  expect(tournament.current).toBeNull()
  return entrants.indexOf(tournament.winner.chosen!)
}

const sound = (explained: number): Ended => ({ explained, isSound: true })
const hurt = (explained: number): Ended => ({ explained, isSound: false })

describe('a tournament', () => {
  it('is won by who explained most', () => {
    expect(winnerOf([sound(0.1), sound(0.8), sound(0.5)])).toBe(1)
  })

  it('is won by the first of nearly equals, within 0.05', () => {
    expect(winnerOf([sound(0.9), sound(0.94)])).toBe(0)
    expect(winnerOf([sound(0.9), sound(0.96)])).toBe(1)
  })

  it('is not won by who raised a fault, unless all did', () => {
    expect(winnerOf([hurt(0.9), sound(0.2)])).toBe(1)
    expect(winnerOf([sound(0.2), hurt(0.9)])).toBe(0)
    expect(winnerOf([hurt(-1), hurt(0.5)])).toBe(1)
  })

  it('has a winner beside whom no milder one is as good, and none is clearly better', () => {
    const any = fc.record({ explained: evenly(-1, 1), isSound: fc.boolean() })
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 3 }), (ended) => {
        const place = winnerOf(ended)
        const winner = ended[place]!
        expect(winner.isSound).toBe(ended.some(({ isSound }) => isSound))
        for (const [i, other] of ended.entries()) {
          if (other.isSound !== winner.isSound) continue
          if (i < place) expect(winner.explained).toBeGreaterThan(other.explained)
          else expect(other.explained).toBeLessThanOrEqual(winner.explained + 0.05)
        }
      }),
    )
  })
})

describe('a second look', () => {
  const noise = Array.from({ length: 32 }, (_, i) => 0.3 * Math.sin(1.7 * i ** 2))
  const told = (explained: number, losses: readonly number[], isSound = true) => ({
    ...({} as Result),
    ...{ explained, isSound, losses: Float32Array.from(losses) },
  })
  const run = told(
    0.2,
    noise.map((x) => 0.8 + x),
  )
  /** @returns the place of the winner among those that began anew; -1: the run goes on as it is */
  function ahead(...ended: ReturnType<typeof told>[]): number {
    const entrants = ended.map((_, i) => entrant(String(i)))
    const tournament = new Tournament(run as unknown as Base, entrants, 96)
    expect(tournament.steps).toBe(96)
    for (const [i, one] of ended.entries()) {
      expect(tournament.current).toBe(entrants[i])
      tournament.end(one)
    }
    expect(tournament.current).toBeNull()
    return entrants.findIndex((one) => one === tournament.winner.chosen)
  }

  it('lets the run go on as it is, unless one that began anew is ahead on the same batches', () => {
    // The losses scatter by 0.2; beside each other, batch by batch, they differ by 0.03 +- 0.01: 17 standard errors.
    const better = told(
      0.23,
      noise.map((x, i) => 0.77 + x + (i % 2 ? 0.01 : -0.01)),
    )
    const alike = told(
      0.23,
      noise.map((_, i) => 0.77 - noise[i]!),
    )
    expect(ahead(better)).toBe(0)
    expect(ahead(alike)).toBe(-1)
    expect(ahead(alike, better)).toBe(1)
    expect(ahead({ ...better, isSound: false })).toBe(-1)
    expect(ahead({ ...better, explained: 0.205 })).toBe(-1)
  })

  it('takes no loss that is not a number for a gain', () => {
    const broken = noise.map(() => NaN)
    expect(ahead(told(NaN, broken))).toBe(-1)
    expect(ahead(told(0.9, broken))).toBe(-1)
  })
})

interface Step {
  /** Place in the data and in the schedule. */
  readonly place: readonly number[]
  /** Parameters and the optimizer's state. */
  readonly before: string
  after: string
}

/** Every batch of a run, by number. */
class Watched extends InlineCrew {
  readonly steps: Step[]
  constructor() {
    const steps: Step[] = []
    super({
      before(phase, view) {
        if (phase !== Phase.rows || view.state[State.stage] !== 0) return
        const place = [State.epoch, State.cursor, State.step].map((word) => view.state[word]!)
        const before = vectorsOf(view)
        // A batch that is skipped leaves everything as it was.
        steps[view.state[State.batch]!] = { place, before, after: before }
      },
      after(phase, view) {
        if (phase === Phase.update) steps[view.state[State.batch]!]!.after = vectorsOf(view)
      },
    })
    this.steps = steps
  }
}

const vectorsOf = ({ plan, arena }: View): string =>
  [plan.at.parameters, ...plan.at.slots]
    .map((at) => Buffer.from(arena.floats.slice(at, at + plan.placements.total).buffer).toString('base64'))
    .join()

describe('a run with a tournament', () => {
  it.each([1, 2, 3, 4])(
    'seed %i: all begin at the same place, and the winner goes on where its trial ended',
    async (seed) => {
      const crew = new Watched()
      await using trainer = await Trainer.create(
        {
          ...{ seed, kernels: 'wasm-strict', health: 'repair', clip: 'off', epochs: 29 },
          optimizer: { type: 'sgd', learningRate: 10, momentum: 0.9 },
          schedule: { type: 'oneCycle', divFactor: 100, pctStart: 0.99 },
          model: {
            layers: [
              { type: 'dense', units: 16, activation: 'relu' },
              { type: 'dense', units: 3 },
            ],
          },
        },
        { crew },
      )
      const { actions } = await trainer.fit(blobs(300, 8, 3))
      const { steps } = crew
      const isTrial = ({ outcome }: { outcome: string }) => outcome === 'tried'
      const first = actions.find((action) => actions.some((a) => isTrial(a) && a.step === action.step))!
      const rivals = actions.filter(({ step }) => step === first.step)
      const base = first.step + 1
      // Trials last as long at the most; what comes later may pass there again.
      const trials = steps.slice(0, base + rivals.length * TRIAL_STEPS)
      const begins = trials.flatMap(({ place }, i) => (i >= base && `${place}` === `${steps[base]!.place}` ? [i] : []))
      expect(begins).toHaveLength(rivals.length)

      const places = Array.from({ length: TRIAL_STEPS }, (_, i) => steps[base + i]!.place)
      // As long as they last, all see the same batches.
      begins.forEach((begin, k) => {
        const length = Math.min(TRIAL_STEPS, (begins[k + 1] ?? begin + 8) - begin, begins[1]! - base)
        const own = steps.slice(begin, begin + length).map(({ place }) => `${place.slice(0, 2)}`)
        expect(own).toEqual(places.slice(0, length).map((place) => `${place.slice(0, 2)}`))
      })

      const winner = rivals.findIndex(({ outcome }) => outcome !== 'tried')
      expect(winner).toBeGreaterThanOrEqual(0)
      if (winner === rivals.length - 1) return
      const end = steps[begins[winner + 1]! - 1]!
      const resumed = steps.findIndex(({ before }, i) => i > begins.at(-1)! && before === end.after)
      expect(resumed).toBeGreaterThan(begins.at(-1)!)
      expect(resumed).toBeLessThanOrEqual(begins.at(-1)! + TRIAL_STEPS)
      expect(steps[resumed]!.place[2]).toBe(end.place[2]! + (end.after === end.before ? 0 : 1))
      // Nothing of the last loser goes on.
      expect(steps[resumed]!.before).not.toBe(steps[resumed - 1]!.after)
    },
  )
})
