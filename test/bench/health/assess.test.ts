import { describe, expect, it } from 'vitest'
import { assess, OURS } from '../../../bench/health/assess.ts'
import { watchSignals } from '../../../bench/health/signals.ts'
import type { StepSignals } from '../../../bench/health/signals.ts'
import { faultsOf } from '../../../bench/health/subject.ts'
import { caseOf } from '../../../bench/health/suite/index.ts'
import { train, unprotected } from '../../../bench/health/train.ts'

describe('the signals of the rivals', () => {
  it('are those of the run: loss, norm, updates, zeros', async () => {
    const c = caseOf('Hd')
    const seen: StepSignals[] = []
    const { history } = await train(
      c,
      c.build,
      1,
      unprotected,
      watchSignals('relu', (signals) => void seen.push(signals)),
    )
    const { loss, gradNorm } = history!.steps
    expect(seen).toHaveLength(c.steps)
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: c.steps }, (_, i) => i))
    for (const [i, signals] of seen.entries()) {
      expect(signals.loss).toBeCloseTo(loss[i]!, 5)
      expect(signals.gradNorm).toBeCloseTo(gradNorm[i]!, 5)
    }
    expect(seen[0]!.changes.map(({ norm }) => norm)).toEqual([NaN, NaN])
    expect(seen[1]!.changes.every(({ norm, meanAbs }) => norm > 1e-4 && norm < 1 && meanAbs > 1e-4)).toBe(true)
    expect(seen.filter(({ lastOfEpoch }) => lastOfEpoch)).toHaveLength(Math.floor(c.steps / 22))
    expect(seen.at(-1)!.accuracy).toBeGreaterThan(0.8)
  })

  it('change nothing', async () => {
    const c = caseOf('Hk')
    const bare = await train(c, c.build, 1, unprotected)
    const watched = await train(
      c,
      c.build,
      1,
      unprotected,
      watchSignals('linear', () => undefined),
    )
    expect(watched.history!.steps.loss).toEqual(bare.history!.steps.loss)
  })
})

describe('an assessment', () => {
  it('of a feature that is NaN at step 100 has our alarm at that very step', async () => {
    const { said, repair } = await assess(caseOf('F5a'), 1)
    const [ours] = said
    expect(ours!.detector).toBe(OURS)
    expect(ours!.alarms[0]).toMatchObject({ step: 100, class: 'non-finite' })
    expect(repair.e).toBeGreaterThan(0.5)
  })
})

describe('our verdicts', () => {
  it('count from severity fault on, under the name of their class', () => {
    const verdict = { step: 7, evidence: {}, harm: {}, remedies: [], sentence: '' }
    const verdicts = [
      { ...verdict, code: 'GRAD_VANISHING', severity: 'warn' },
      { ...verdict, code: 'DEAD_UNITS', severity: 'fault' },
      { ...verdict, code: 'NONFINITE_GRAD', severity: 'fatal', step: 9 },
    ]
    expect(faultsOf(verdicts as unknown as Parameters<typeof faultsOf>[0])).toEqual([
      { code: 'DEAD_UNITS', class: 'dead', step: 7 },
      { code: 'NONFINITE_GRAD', class: 'non-finite', step: 9 },
    ])
  })
})
