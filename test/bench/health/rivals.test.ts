/** Each rival's rule on small streams of signals, at its published thresholds and just beside them. */
import { describe, expect, it } from 'vitest'
import { rivals } from '../../../bench/health/rivals/index.ts'
import type { Answer } from '../../../bench/health/rivals/rule.ts'
import type { Change, LayerSignals, StepSignals, TensorSignals } from '../../../bench/health/signals.ts'

const tensor = (norm: number, more: Partial<TensorSignals> = {}): TensorSignals => ({
  norm,
  meanAbs: norm / 10,
  mean: 0.01,
  variance: 0.1,
  zeros: 0,
  size: 100,
  finite: Number.isFinite(norm),
  ...more,
})
const layer = (more: Partial<LayerSignals> = {}): LayerSignals => ({
  mean: 0.3,
  std: 1,
  inactive: 0,
  silent: 0,
  saturated: 0,
  filled: 0,
  finite: true,
  ...more,
})
const change = (more: Partial<Change> = {}): Change => ({ norm: 0.01, meanAbs: 0.01, isClose: false, ...more })

type Given = Partial<StepSignals>

const signals = (step: number, given: Given = {}): StepSignals => ({
  step,
  lastOfEpoch: true,
  loss: 0.9 ** step,
  gradNorm: 1,
  accuracy: 0.5 + 0.02 * step,
  gradients: [tensor(0.5), tensor(0.5)],
  weights: [tensor(1), tensor(1)],
  changes: [change(), change()],
  zeroShare: 0.1,
  layers: [layer()],
  activation: 'relu',
  classes: 3,
  ...given,
})

/** What a rival says of each step; an epoch has one. */
function said(name: string, steps: number, given: (step: number) => Given = () => ({})): Answer[] {
  const rule = rivals.find((rival) => rival.name === name)!.start(steps)
  return Array.from({ length: steps }, (_, step) => rule(signals(step, given(step))))
}
const alarms = (...args: Parameters<typeof said>) => [...new Set(said(...args).map(({ alarm }) => alarm))]
const first = (...args: Parameters<typeof said>) => said(...args).findIndex(({ alarm }) => alarm !== undefined)

const [nan, flat] = [{ gradients: [tensor(NaN), tensor(1)] }, { accuracy: 0.4 }]

describe('every rival', () => {
  it('names where its thresholds come from', () => {
    expect(rivals).toHaveLength(9)
    for (const { source } of rivals) expect(source.length).toBeGreaterThan(5)
  })

  it.each(rivals.filter(({ name }) => !name.startsWith('OLMo')).map(({ name }) => [name]))(
    'is silent on a run that goes well: %s',
    (name) => {
      expect(alarms(name, 40)).toEqual([undefined])
    },
  )
})

describe('AutoTrainer', () => {
  const vanishing = (ratio: number, norm: number) => ({ ...flat, gradients: [tensor(norm), tensor(norm / ratio)] })

  it('calls it vanishing where the first norm is below 1e-4 and a thousandth of the last', () => {
    expect(alarms('AutoTrainer, ungated', 2, () => vanishing(0.9e-3, 0.9e-4))).toEqual(['vanishing'])
    expect(alarms('AutoTrainer, ungated', 2, () => vanishing(1.1e-3, 0.9e-4))).toEqual([undefined])
    expect(alarms('AutoTrainer, ungated', 2, () => vanishing(0.9e-3, 1.1e-4))).toEqual([undefined])
  })

  it('calls it exploding above a ratio of 70, and dying at 70 % zeros', () => {
    expect(alarms('AutoTrainer, ungated', 2, () => vanishing(71, 1))).toEqual(['exploding'])
    expect(alarms('AutoTrainer, ungated', 2, () => vanishing(69, 1))).toEqual([undefined])
    expect(alarms('AutoTrainer, ungated', 2, () => ({ ...flat, zeroShare: 0.7 }))).toEqual(['dead'])
  })

  it('looks every third epoch, judges after 30 % of them, and only a run that has not come to 0.7', () => {
    expect(first('AutoTrainer', 30, () => vanishing(0.9e-3, 0.9e-4))).toBe(8)
    expect(alarms('AutoTrainer', 30, (step) => ({ ...vanishing(71, 1), accuracy: 0.3 + 0.03 * step }))).toEqual([
      undefined,
      'exploding',
    ])
    expect(alarms('AutoTrainer', 30, (step) => ({ ...vanishing(71, 1), accuracy: step === 0 ? 0.4 : 0.9 }))).toEqual([
      undefined,
    ])
  })

  it('calls it slow where accuracy never rises by 0.01, and oscillating where it swings by 0.03', () => {
    expect(alarms('AutoTrainer', 30, () => flat)).toEqual([undefined, 'stalled'])
    const swings = (by: number) => (step: number) => ({ accuracy: 0.8 + (step % 2 === 0 ? 0 : by) })
    expect(alarms('AutoTrainer', 30, swings(0.031))).toEqual([undefined, 'oscillating'])
    expect(alarms('AutoTrainer', 30, swings(0.029))).toEqual([undefined])
  })
})

describe('SageMaker Debugger', () => {
  const name = 'SageMaker Debugger'
  const seen = (given: Given) => alarms(name, 3, () => given)

  it('keeps to its thresholds', () => {
    expect(seen({ gradients: [tensor(1, { meanAbs: 0.9e-7 })] })).toEqual(['vanishing'])
    expect(seen({ layers: [layer({ inactive: 0.51 })] })).toEqual(['dead'])
    expect(seen({ layers: [layer({ inactive: 0.5 })] })).toEqual([undefined])
    expect(seen({ layers: [layer({ inactive: 0.51 })], activation: 'tanh' })).toEqual([undefined])
    expect(seen({ layers: [layer({ saturated: 0.51 })], activation: 'tanh' })).toEqual(['vanishing'])
    expect(seen({ changes: [change({ norm: 11 })] })).toEqual(['exploding'])
    expect(seen({ weights: [tensor(0, { zeros: 100 })] })).toEqual(['symmetric'])
    expect(seen(nan)).toEqual(['exploding'])
  })

  it('wants a tensor unchanged for three steps', () => {
    expect(first(name, 5, () => ({ changes: [change({ isClose: true })] }))).toBe(2)
    expect(first(name, 9, (step) => ({ changes: [change({ isClose: step % 3 !== 0 })] }))).toBe(-1)
  })

  it('with all rules tells of a loss that is not below that of ten steps before', () => {
    expect(first('SageMaker Debugger, all rules', 20, () => ({ loss: 1 }))).toBe(10)
    expect(first(name, 20, () => ({ loss: 1 }))).toBe(-1)
  })
})

describe('TheDeepChecker', () => {
  const seen = (given: Given) => alarms('TheDeepChecker', 11, () => given).filter((alarm) => alarm !== undefined)
  const gradient = (of: (step: number) => number) =>
    said('TheDeepChecker', 11, (step) => ({ gradients: [tensor(1, { meanAbs: of(step) })] })).at(-1)?.alarm

  it('keeps to its thresholds from step 10 on', () => {
    expect(first('TheDeepChecker', 20, () => ({ layers: [layer({ silent: 0.51 })] }))).toBe(10)
    expect(gradient(() => 0.9e-6)).toBe('vanishing')
    expect(gradient(() => 1.1e6)).toBe('exploding')
    expect(seen({ layers: [layer({ std: 2.1 })] })).toEqual(['overscale'])
    expect(seen({ layers: [layer({ std: 0.4 })] })).toEqual(['collapse'])
    expect(seen({ layers: [layer({ filled: 0.51 })], activation: 'tanh' })).toEqual(['vanishing'])
    expect(seen({ changes: [change({ meanAbs: 0.11 })] })).toEqual(['oscillating'])
    expect(seen({ changes: [change({ meanAbs: 0.9e-4 })] })).toEqual(['stalled'])
  })

  it('wants four halvings or doublings in a row', () => {
    expect(gradient((step) => 2 ** -step)).toBe('vanishing')
    expect(gradient((step) => 2 ** step)).toBe('exploding')
    expect(gradient((step) => (step === 8 ? 1 : 2 ** -step))).toBe(undefined)
  })

  it('checks initial weights and loss', () => {
    const start = (given: Given) => said('TheDeepChecker', 1, () => given)[0]?.alarm
    expect(start({ weights: [tensor(1, { variance: 0 })] })).toBe('symmetric')
    expect(start({ loss: 2 * Math.log(3) })).toBe('overscale')
    expect(start({ loss: 1.9 * Math.log(3) })).toBe(undefined)
  })

  it('calls it stalled after five means that fall by less than 5 % each', () => {
    expect(first('TheDeepChecker', 60, (step) => ({ loss: 0.996 ** step }))).toBe(40)
    expect(first('TheDeepChecker', 60, (step) => ({ loss: 0.994 ** step }))).toBe(-1)
  })
})

describe('DeepLocalize', () => {
  it('tells of what is not finite at once, of means of 0 in half the batches and of a loss that stands still', () => {
    expect(first('DeepLocalize', 3, (step) => (step === 1 ? nan : {}))).toBe(1)
    expect(first('DeepLocalize', 3, (step) => (step === 2 ? { layers: [layer({ finite: false })] } : {}))).toBe(2)
    expect(first('DeepLocalize', 10, (step) => ({ layers: [layer({ mean: step < 3 ? 0 : 1 })] }))).toBe(4)
    expect(first('DeepLocalize', 10, (step) => ({ layers: [layer({ mean: step < 2 ? 0 : 1 })] }))).toBe(-1)
    expect(first('DeepLocalize', 10, () => ({ loss: 0.7 }))).toBe(4)
  })
})

describe('OLMo skip', () => {
  /** Mean 1, deviation 0.1 (64 values, sample variance). */
  const steady = (step: number) => 1 + (step % 2 === 0 ? 1 : -1) * 0.1 * Math.sqrt(63 / 64)
  const at = (value: number, from = 64) =>
    said('OLMo skip', 66, (step) => ({ loss: 1, gradNorm: step === from ? value : steady(step) })).findIndex(
      ({ acts }) => acts,
    )

  it('skips beyond six deviations on either side, from 64 values on', () => {
    expect(at(1.59)).toBe(-1)
    expect(at(1.61)).toBe(64)
    expect(at(0.39)).toBe(64)
    expect(at(100, 63)).toBe(-1)
  })

  it('goes on skipping after NaN, for NaN is in its mean', () => {
    const acts = said('OLMo skip', 80, (step) => ({ loss: 1, gradNorm: step === 70 ? NaN : steady(step) }))
    expect(acts.slice(64).map((answer) => answer.acts ?? false)).toEqual([
      ...Array.from({ length: 6 }, () => false),
      ...Array.from({ length: 10 }, () => true),
    ])
  })
})

describe('ZClip', () => {
  const at = (value: number) =>
    said('ZClip', 40, (step) => ({ gradNorm: step === 30 ? value : 1 + (step % 2 === 0 ? 0.1 : -0.1) }))

  it('clips above 2.5 deviations, after 25 steps', () => {
    expect(at(1.3).findIndex(({ acts }) => acts)).toBe(30)
    expect(at(1.2).findIndex(({ acts }) => acts)).toBe(-1)
    expect(said('ZClip', 25, (step) => ({ gradNorm: step === 20 ? 100 : 1 })).some(({ acts }) => acts)).toBe(false)
  })

  it('is blind after NaN', () => {
    const acts = said('ZClip', 60, (step) => ({ gradNorm: step === 30 ? NaN : step > 40 ? 1e6 : 1 + (step % 2) }))
    expect(acts.some((answer) => answer.acts)).toBe(false)
  })
})

describe('NaN check + clip 1.0', () => {
  it('clips every norm above 1 and tells of NaN', () => {
    const name = 'NaN check + clip 1.0'
    expect(said(name, 1, () => ({ gradNorm: 1.01 }))).toEqual([{ acts: true }])
    expect(said(name, 1, () => ({ gradNorm: 1 }))).toEqual([{ acts: false }])
    expect(said(name, 1, () => nan)).toEqual([{ alarm: 'non-finite', acts: true }])
  })
})
