import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { figures, lastWorthwhile } from '../../bench/scaling/figures.ts'
import { fitAmdahl, fitUsl, predict } from '../../bench/scaling/laws.ts'
import type { Timed } from '../../bench/scaling/laws.ts'
import type { Measured } from '../../bench/scaling/measure.ts'
import { episodesOf, splitOf } from '../../bench/scaling/split.ts'
import type { Span } from '../../bench/traced.ts'

const amdahlTime = (t1: number, serial: number, n: number) => t1 * ((1 - serial) / n + serial)
const uslTime = (t1: number, s: number, k: number, n: number) => t1 * (1 / n + (s * (n - 1)) / n + k * (n - 1))
const exactly = (time: (n: number) => number, numbers: readonly number[]): Timed[] =>
  numbers.map((workers) => ({ workers, rounds: [time(workers), time(workers), time(workers)] }))

describe('laws', () => {
  it("find Amdahl's serial share in times that follow it", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (t1, serial) => {
          const fit = fitAmdahl(exactly((n) => amdahlTime(t1, serial, n), [1, 2, 4, 8]))!
          expect(fit.serial.value).toBeCloseTo(serial, 6)
          expect(fit.t1 / t1).toBeCloseTo(1, 6)
        },
      ),
      { numRuns: 20 },
    )
  })

  it("find Gunther's contention and coherence in times that follow them", () => {
    const share = fc.double({ min: 0, max: 0.2, noNaN: true })
    fc.assert(
      fc.property(share, share, (s, k) => {
        const fit = fitUsl(exactly((n) => uslTime(100, s, k, n), [1, 2, 4, 8, 16]))!
        expect(fit.contention.value).toBeCloseTo(s, 5)
        expect(fit.coherence.value).toBeCloseTo(k, 5)
        expect(predict(fit, 6) / uslTime(100, s, k, 6)).toBeCloseTo(1, 5)
      }),
      { numRuns: 20 },
    )
  })

  it('never give a negative share, whatever the times', () => {
    const times = fc.array(fc.double({ min: 0.1, max: 1e3, noNaN: true }), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(times, (given) => {
        const timed = given.map((micros, i) => ({ workers: 2 ** i, rounds: [micros, micros * 1.1] }))
        for (const { value, low, high } of [fitAmdahl(timed)!.serial, fitUsl(timed)!.contention]) {
          expect(value).toBeGreaterThanOrEqual(0)
          expect(low).toBeLessThanOrEqual(high)
        }
      }),
      { numRuns: 10 },
    )
  })

  it('say nothing of fewer points than they have unknowns', () => {
    expect(fitAmdahl(exactly((n) => 1 / n, [1]))).toBeUndefined()
    expect(fitUsl(exactly((n) => 1 / n, [1, 2]))).toBeUndefined()
  })

  it('hold intervals as wide as the rounds differ', () => {
    const noisy = [1, 2, 4].map((workers) => ({
      workers,
      rounds: [0.8, 0.9, 1, 1.1, 1.2].map(
        (noise, i) => amdahlTime(100, 0.1, workers) * ((i + workers) % 3 ? noise : 2 - noise),
      ),
    }))
    const { low, high } = fitAmdahl(noisy)!.serial
    expect(low).toBeLessThan(0.1)
    expect(high).toBeGreaterThan(0.1)
  })

  it('stop where one more worker brings less than a third of one', () => {
    const [amdahl] = [fitAmdahl(exactly((n) => amdahlTime(1, 0.1, n), [1, 2, 4]))!]
    // S(n) = n / (1 + 0.1 (n - 1)): S(9) - S(8) = 5 - 4.706 is the first below 0.3.
    expect(lastWorthwhile(amdahl)).toBe(8)
  })
})

const span = (name: string, tid: number, ts: number, dur: number, piece = 0): Span => ({
  name,
  ph: 'X',
  tid,
  ts,
  dur,
  args: { piece },
})

describe('the split of a trace', () => {
  const spans = [
    span('decide', 0, 0, 1),
    span('rows', 0, 1, 4, 0),
    span('rows', 0, 6, 3, 2),
    span('decide', 0, 9, 1),
    span('rows', 1, -0.5, 0.25, 9),
    span('rows', 1, 2, 5, 1),
    span('wait', 1, 7, 2),
  ]

  it('is work, wait and the sequential part of all workers, and nothing is left over', () => {
    const [rows] = splitOf(episodesOf(spans), 2)
    // From 1 to 10: two workers, 18; pieces 4 + 3 + 5; the sequential part counts for both.
    expect(rows).toMatchObject({ phase: 'rows', count: 1, compute: 12, serial: 2, wait: 4 })
  })
})

const measuredAt = (workers: number, rounds: number[]): Measured => ({
  workers,
  rounds,
  batchSize: 64,
  kernels: 'wasm',
  phases: [{ phase: 'rows', count: 1, compute: 3, wait: 1, serial: 1 }],
})

describe('the figures', () => {
  it('advise to stop where more workers are no faster, in one sentence', () => {
    const { advice, rows } = figures(
      'w',
      'strong',
      [measuredAt(1, [100, 100]), measuredAt(2, [55, 55]), measuredAt(4, [54, 54])],
      8,
    )
    expect(advice).toBe('Stop at 2 workers: 1.82 times as fast as one; 4 are 1.85 times as fast.')
    expect(rows[1]!.efficiency).toBeCloseTo(100 / 55 / 2)
  })

  it('warn of noise, of too few cores, and of more workers than cores', () => {
    const { warnings } = figures('w', 'strong', [measuredAt(1, [100, 140, 80]), measuredAt(4, [50, 50, 50])], 2)
    expect(warnings.map((w) => w.split(' ')[0] + w.slice(-12))).toHaveLength(3)
    expect(warnings.join('\n')).toMatch(/noisy[^]*4 workers share 2 cores[^]*too few/)
  })

  it('measure weak scaling by samples', () => {
    const two = { ...measuredAt(2, [100, 100]), batchSize: 128 }
    const { rows, amdahl } = figures('w', 'weak', [measuredAt(1, [100, 100]), two], 2)
    expect(rows[1]!.speedUp.value).toBeCloseTo(2)
    expect(amdahl).toBeUndefined()
  })
})
