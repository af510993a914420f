/** Invariants of the detector, over random streams: units, restarts, immunity, false alarms, delays, hysteresis. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alarmsLength, checkAlarm } from '../../src/gradient/alarms.ts'
import { autoLimit } from '../../src/gradient/coefficient.ts'
import { DetectorField, detectorStateLength, observe } from '../../src/gradient/detector.ts'
import { HealthField, readVerdict } from '../../src/gradient/health.ts'
import type { StepSignals } from '../../src/gradient/health.ts'
import { thresholds } from '../../src/gradient/thresholds.ts'
import { evenly } from './generators.ts'
import { copyOf, feed, LAYERS, newDetector, noisy } from './stream.ts'
import type { Raised, Step } from './stream.ts'

const seed = fc.integer({ min: 1, max: 2 ** 30 })
const runs = (numRuns: number) => ({ numRuns })
const isFault = ({ severity }: Raised) => severity === 'fault' || severity === 'fatal'

/** What the first verdict of that code was told by. */
const firstSentence = (wanted: string, steps: readonly Step[], given: Parameters<typeof feed>[1]): string => {
  const detector = newDetector()
  for (let i = 0; i < steps.length; i++) {
    const at = HealthField.raised
    if (feed(steps.slice(0, i + 1), given, detector, i).some(({ code }) => code === wanted))
      return readVerdict(detector.health.subarray(at), 0, i, []).sentence
  }
  return 'none'
}

const explosion = (steps: readonly Step[], nullLoss: number): string =>
  firstSentence('GRAD_EXPLODING', steps, { nullLoss })

/** Quiet, then something happens: a jump, growth, a loss that leaves, not-a-numbers. */
const eventful = fc
  .record({
    seed,
    sigma: fc.double({ min: 0.05, max: 0.6, noNaN: true }),
    event: fc.constantFrom('jump', 'grow', 'fall', 'loss', 'nan', 'zero', 'none'),
    at: fc.integer({ min: 20, max: 250 }),
  })
  .map(({ seed, sigma, event, at }): Step[] =>
    noisy(400, seed, sigma).map(({ loss, gradNorm }, step) => {
      const since = step - at
      if (since < 0) return { loss, gradNorm }
      if (event === 'jump') return { loss, gradNorm: 20 * gradNorm }
      if (event === 'grow') return { loss: loss * 1.02 ** since, gradNorm: gradNorm * 1.1 ** Math.min(since, 200) }
      if (event === 'fall') return { loss: loss * Math.exp(-since / 50), gradNorm: gradNorm * Math.exp(-since / 50) }
      if (event === 'loss') return { loss: 50 * loss, gradNorm: 5 * gradNorm }
      if (event === 'nan' && since % 40 === 0) return { loss: NaN, gradNorm }
      if (event === 'zero') return { loss, gradNorm: 0 }
      return { loss, gradNorm }
    }),
  )

describe('verdicts', () => {
  it('do not depend on the unit of the loss', () => {
    fc.assert(
      fc.property(eventful, fc.integer({ min: -60, max: 60 }), (steps, k) => {
        const plain = feed(steps, { nullLoss: 1.2 })
        expect(feed(steps, { nullLoss: 1.2, unit: 2 ** k })).toEqual(plain)
      }),
      runs(60),
    )
  })

  it('are the same after the state was kept and taken up again at any step', () => {
    fc.assert(
      fc.property(eventful, fc.integer({ min: 0, max: 399 }), (steps, cut) => {
        const whole = feed(steps, { nullLoss: 1.2 })
        const first = newDetector()
        const before = feed(steps.slice(0, cut), { nullLoss: 1.2 }, first)
        const kept = copyOf(first)
        // Nothing is kept elsewhere: another training goes on in between.
        feed(steps.toReversed(), { nullLoss: 0.9 })
        const after = feed(steps, { nullLoss: 1.2 }, kept, cut)
        expect([...before, ...after]).toEqual(whole)
      }),
      runs(60),
    )
  })

  it('do not remember what was not finite', () => {
    const bad = fc.constantFrom<Step>(
      { loss: NaN, gradNorm: 1 },
      { loss: 1, gradNorm: Infinity },
      { loss: Infinity, gradNorm: NaN },
    )
    fc.assert(
      fc.property(eventful, bad, fc.integer({ min: 1, max: 300 }), (steps, wild, at) => {
        const detector = newDetector()
        feed(steps.slice(0, at), { nullLoss: 1.2 }, detector)
        const before = copyOf(detector)
        feed([...steps.slice(0, at), wild], { nullLoss: 1.2 }, detector, at)
        // Only what is raised now, and the alarms, may differ.
        const alarms = [HealthField.alarms, HealthField.alarms + alarmsLength] as const
        const { health } = detector
        for (let i = HealthField.explained; i < health.length; i++) {
          if (i < alarms[0] || i >= alarms[1]) expect(Object.is(health[i], before.health[i])).toBe(true)
        }
        const own = DetectorField.runSide
        expect(detector.decision.slice(own)).toEqual(before.decision.slice(own))
      }),
      runs(60),
    )
  })

  it('are silent on constant, empty and short streams, and see a gradient that is zero', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-30, max: 1e30, noNaN: true }),
        fc.integer({ min: 0, max: 300 }),
        (level, length) => {
          const constant = Array.from({ length }, () => ({ loss: 1, gradNorm: level }))
          expect(feed(constant)).toEqual([])
          expect(feed(noisy(15, length + 1, 3)).filter(({ code }) => code === 'GRAD_SPIKE')).toEqual([])
        },
      ),
      runs(30),
    )
    const zeros = Array.from({ length: 100 }, () => ({ loss: 1, gradNorm: 0 }))
    const raised = feed(zeros, { nullLoss: 1 })
    expect(raised[0]).toMatchObject({ step: 1, code: 'ZERO_GRADIENT', severity: 'fault' })
    expect(raised.filter(({ code }) => code === 'GRAD_SPIKE' || code === 'GRAD_EXPLODING')).toEqual([])
  })

  it('call no explosion in 10,000 steps of noise, however long its memory, and at most 3 spikes', () => {
    const noise = fc.record({
      seed,
      sigma: fc.double({ min: 0.01, max: 0.6, noNaN: true }),
      memory: evenly(0, 0.95),
    })
    const count = (code: string, steps: readonly Step[], nullLoss?: number) =>
      feed(steps, { nullLoss }).filter((raised) => raised.code === code).length
    fc.assert(
      fc.property(noise, ({ seed, sigma, memory }) => {
        const steps = noisy(10_000, seed, sigma, memory)
        expect(count('GRAD_EXPLODING', steps, 1.2)).toBe(0)
        // Where nothing is known of the loss: one on average for the most restless of these.
        expect(count('GRAD_EXPLODING', steps)).toBeLessThanOrEqual(3)
        expect(count('GRAD_SPIKE', steps)).toBeLessThanOrEqual(3)
      }),
      { ...runs(3), endOnFailure: true, examples: [[{ seed: 7, sigma: 0.6, memory: 0.95 }]] },
    )
    for (const memory of [0, 0.8]) expect(feed(noisy(10_000, 7, 0.3, memory)).filter(isFault)).toEqual([])
  })

  it('see a tenfold level within 10 steps, and growth by a twentieth a step within 45', () => {
    fc.assert(
      fc.property(
        seed,
        fc.double({ min: 0.05, max: 0.3, noNaN: true }),
        fc.integer({ min: 64, max: 120 }),
        (seed, sigma, from) => {
          const first = (change: (since: number) => number) => {
            const steps = noisy(from + 60, seed, sigma).map(({ loss, gradNorm }, i) => ({
              loss,
              gradNorm: i < from ? gradNorm : gradNorm * change(i - from + 1),
            }))
            return feed(steps).find(({ code }) => code === 'GRAD_EXPLODING')?.step
          }
          expect(first(() => 10)! - from).toBeLessThanOrEqual(10)
          expect(first((since) => 1.05 ** since)! - from).toBeLessThanOrEqual(45)
        },
      ),
      runs(40),
    )
  })

  it('say by what an explosion was told: growth, the loss, or spikes', () => {
    const quiet = (loss: number, norm: (step: number) => number, at = 80, rise = 1) =>
      noisy(160, 3, 0.05).map(({ gradNorm }, i) => ({
        gradNorm: i < at ? gradNorm : gradNorm * norm(i - at),
        loss: i < at ? 1 : loss * rise ** (i - at),
      }))
    expect(
      explosion(
        quiet(1.5, (i) => 1.05 ** i, 80, 1.01),
        1.2,
      ),
    ).toMatch(/^The gradient explodes: its norm has grown [\d.]+-fold \(/)
    expect(
      explosion(
        quiet(90, (i) => 1.02 ** i),
        1.2,
      ),
    ).toMatch(/a loss of [\d.]+, where the best constant answer has 1\.2 \(/)
    expect(
      explosion(
        quiet(1, (i) => (i % 9 === 0 ? 1000 : 1)),
        1.2,
      ),
    ).toMatch(/3 spikes of its norm within 32 steps \(/)
  })

  it('of a symptom that was raised become a fault where nothing is gained, until half of it is gone', () => {
    const given = fc.record({ seed, later: evenly(-5, 0) })
    fc.assert(
      fc.property(given, ({ seed, later }) => {
        const said = (show: (s: StepSignals, decades: number) => void) =>
          feed(noisy(200, seed, 0.2), { nullLoss: 1.05, layers: (s, step) => show(s, step < 32 ? -4 : later) })
        const fading = said(({ activations }, decades) => activations.set([1, 1, 10 ** decades]))
        const vanishing = said(({ squares }, decades) => squares.set([10 ** (2 * decades), 1, 1]))
        for (const [raised, code] of [
          [fading, 'SIGNAL_COLLAPSE'],
          [vanishing, 'GRAD_VANISHING'],
        ] as const) {
          const severities = raised.filter((one) => one.code === code).map(({ severity }) => severity)
          expect(severities[0]).toBe('warn')
          if (later < -1.6) expect(severities).toContain('fault')
          if (later > -1.4) expect(severities).not.toContain('fault')
        }
      }),
      runs(40),
    )
  })

  it('find a loss that swings from step to step, and none that its own batches explain', () => {
    const swings = fc.record({ seed, high: evenly(1.2, 1.7), low: evenly(0.7, 0.9) })
    fc.assert(
      fc.property(swings, ({ seed, high, low }) => {
        const steps = noisy(160, seed, 0.2).map(({ gradNorm }, i) => ({ gradNorm, loss: i % 2 ? high : low }))
        const codes = (spread: number) =>
          feed(steps, { nullLoss: 1.2, layers: (s) => void (s.lossVariance = spread ** 2) }).map(({ code }) => code)
        expect(codes(0.05)).toContain('LOSS_OSCILLATING')
        expect(codes(high - low)).not.toContain('LOSS_OSCILLATING')
      }),
      runs(40),
    )
  })

  it('say by what the loss is seen to swing: by its batches, or, of one block each, by its turns alone', () => {
    const steps = noisy(160, 3, 0.2).map(({ gradNorm }, i) => ({ gradNorm, loss: i % 2 ? 1.5 : 0.8 }))
    const said = (variance: number) =>
      firstSentence('LOSS_OSCILLATING', steps, { nullLoss: 1.2, layers: (s) => void (s.lossVariance = variance) })
    expect(said(0.0025)).toMatch(/^The loss swings 98 times as much as its batches explain, and gets nowhere/)
    expect(said(NaN)).toMatch(/^The loss turns at 100 % of the steps, and gets nowhere/)
  })

  it('of vanishing and stalling are not raised where the network has learnt its data', () => {
    const given = fc.record({
      seed,
      /** Of the loss of the best constant. */
      learnt: fc.double({ min: 1e-6, max: 0.016, noNaN: true }),
      /** log10 of the first layer's squares over the last's, and of the relative update. */
      faint: fc.integer({ min: -40, max: -11 }),
      update: fc.integer({ min: -12, max: -6 }),
      slow: fc.boolean(),
    })
    const early = new Set<string>()
    const harmless = ['CONVERGED', 'DEAD_UNITS', 'BATCH_ADVICE']
    fc.assert(
      fc.property(given, ({ seed, learnt, faint, update, slow }) => {
        const layers: NonNullable<Parameters<typeof feed>[1]>['layers'] = (s) => {
          if (slow) {
            for (let l = 0; l < LAYERS; l++) s.updates[l] = 10 ** update * s.weights[l]!
            return
          }
          s.squares[0] = 10 ** faint * s.squares[LAYERS - 1]!
          s.backSignals[0] = 10 ** (faint / 2) * s.backSignals[LAYERS - 1]!
        }
        const codes = (loss: number) =>
          new Set(feed(noisy(400, seed, 0.1, 0, loss), { nullLoss: 1, layers }).map(({ code }) => code))
        const late = codes(learnt)
        for (const code of codes(0.9)) early.add(code)
        expect([...late].filter((code) => !harmless.includes(code))).toEqual([])
        expect(late).toContain('CONVERGED')
      }),
      runs(20),
    )
    expect([...early]).toEqual(expect.arrayContaining(['GRAD_VANISHING', 'SIGNAL_COLLAPSE', 'UPDATE_TOO_SMALL']))
  })

  it('of one code and severity are at least a cool-down apart', () => {
    const kind = fc.constantFrom<(step: Step) => Step>(
      ({ loss, gradNorm }) => ({ loss: 40 * loss, gradNorm: 30 * gradNorm }),
      ({ loss }) => ({ loss, gradNorm: 0 }),
      ({ gradNorm }) => ({ loss: NaN, gradNorm }),
      ({ loss }) => ({ loss, gradNorm: 1e9 }),
      ({ loss }) => ({ loss, gradNorm: Infinity }),
    )
    const burst = fc.record({ quiet: fc.integer({ min: 1, max: 90 }), length: fc.integer({ min: 1, max: 12 }), kind })
    const repeats = new Set<string>()
    fc.assert(
      fc.property(seed, fc.array(burst, { minLength: 8, maxLength: 20 }), (seed, bursts) => {
        const kinds = bursts.flatMap(({ quiet, length, kind }) => [
          ...Array.from({ length: quiet }, () => (step: Step) => step),
          ...Array.from({ length }, () => kind),
        ])
        const steps = noisy(kinds.length, seed, 0.2).map((step, i) => kinds[i]!(step))
        const last = new Map<string, number>()
        for (const { code, severity, step } of feed(steps, { nullLoss: 1.2 })) {
          const key = `${code} ${severity}`
          if (last.has(key)) {
            repeats.add(key)
            expect(step - last.get(key)!).toBeGreaterThanOrEqual(thresholds.hysteresis.cooldown)
          }
          last.set(key, step)
        }
      }),
      runs(50),
    )
    expect([...repeats]).toEqual(expect.arrayContaining(['GRAD_SPIKE warn', 'NONFINITE_LOSS fatal']))
  })
})

describe('parts of a batch', () => {
  const shard = (change: (squares: Float64Array, step: number) => void) =>
    feed(noisy(200, 5, 0.1), { nullLoss: 1.2, layers: (s, step) => change(s.partSquares, step) }).filter(
      ({ code }) => code === 'SHARD_ANOMALY',
    )

  it('are in line when they differ, and out of it when one repeats itself, is silent, is huge, or all are one', () => {
    expect(shard(() => {})).toEqual([])
    // One hard sample in a part, now here and now there, is nothing.
    const turn = (step: number) => Math.floor(step < 16 ? step : step / 16) % 4
    expect(shard((squares, step) => void (squares[turn(step)]! *= 100))).toEqual([])
    expect(shard((squares) => squares.fill(3))[0]!.step).toBe(1)
    expect(shard((squares) => void (squares[2] = 5))[0]!.step).toBe(2)
    expect(shard((squares) => void (squares[1] = 0))[0]!.step).toBe(3)
    expect(shard((squares) => void (squares[3]! *= 1e4))[0]!.step).toBe(2)
  })
})

describe('an alarm', () => {
  it('is raised at most once in a cool-down, and never by a check that cleared it', () => {
    // In runs: an alarm is cleared by ten quiet checks.
    const run = fc.record({ hit: fc.boolean(), near: fc.boolean(), length: fc.integer({ min: 1, max: 25 }) })
    const checks = fc
      .array(run, { minLength: 20, maxLength: 40 })
      .map((list) => list.flatMap(({ length, ...check }) => Array.from({ length }, () => check)))
    let repeats = 0
    fc.assert(
      fc.property(checks, fc.integer({ min: 1, max: 5 }), (all, hits) => {
        const state = new Float64Array(alarmsLength)
        const raised: number[] = []
        all.forEach(({ hit, near }, step) => {
          if (checkAlarm(state, 0, 5, true, step, hit, near, hits)) raised.push(step)
        })
        repeats += Math.max(0, raised.length - 1)
        raised
          .slice(1)
          .forEach((step, i) => expect(step - raised[i]!).toBeGreaterThanOrEqual(thresholds.hysteresis.cooldown))
      }),
    )
    expect(repeats).toBeGreaterThan(0)
  })
})

describe('the automatic limit', () => {
  it('never lets a larger norm count for more, and leaves what is usual alone', () => {
    fc.assert(
      fc.property(
        seed,
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (seed, a, b) => {
          const after = (factor: number) => {
            const state = new Float64Array(detectorStateLength)
            for (const { gradNorm } of noisy(100, seed, 0.3)) observe(state, 1, gradNorm)
            observe(state, 1, factor)
            return Math.min(factor, autoLimit(state)) / factor
          }
          const [small, large] = [Math.min(a, b), Math.max(a, b)]
          expect(after(large)).toBeLessThanOrEqual(after(small) * (1 + 1e-12))
          expect(after(1)).toBe(1)
        },
      ),
      runs(60),
    )
  })
})
