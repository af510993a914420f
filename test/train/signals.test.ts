import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toDataset } from '../../src/data/tensor.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { MAX_FRAMES, SignalLog } from '../../src/train/signals.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

describe('SignalLog', () => {
  it('keeps the least and the greatest of any number of steps in at most 1,024 frames', () => {
    const log = new SignalLog()
    for (let step = 0; step < 100_000; step++) log.numbers(step, ['loss'], [step === 77_777 ? 1e6 : 1])
    const { x, y, low, high } = log.series('loss')!
    expect(log.stride).toBe(128)
    expect(x.length).toBe(Math.ceil(100_000 / 128))
    expect(Math.max(...high)).toBe(1e6)
    expect(Math.min(...low)).toBe(1)
    expect(y[0]).toBe(1)
  })

  it('has the mean of the steps of each frame, however often frames were joined', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 5000 }),
        (values) => {
          const log = new SignalLog()
          values.forEach((value, step) => log.numbers(step, ['a'], [value]))
          const { x, y } = log.series('a')!
          x.forEach((start, frame) => {
            const own = values.slice(start, start + log.stride)
            expect(y[frame]).toBeCloseTo(own.reduce((sum, v) => sum + v, 0) / own.length, 4)
          })
        },
      ),
      { numRuns: 20 },
    )
  })

  it('shows what was not finite, and says nothing of layers that were not measured', () => {
    const log = new SignalLog()
    for (let step = 0; step < 4 * MAX_FRAMES; step++)
      log.profile(step, 'p', [1, step === 9 ? Infinity : step === 20 ? NaN : 2])
    log.profile(5000, 'sampled', [3, 4])
    const { x, rows } = log.profiles('p')!
    expect(rows[1]![Array.from(x).indexOf(8)]).toBe(Infinity)
    expect(rows[0]!.every((value) => value === 1)).toBe(true)
    expect(rows[1]![Array.from(x).indexOf(16)]).toBe(2)
    expect(log.profiles('sampled')!.x).toHaveLength(1)
  })

  it('comes back from its bytes as it was; damaged bytes are refused', () => {
    const log = new SignalLog()
    log.layers = ['dense_1']
    for (let step = 0; step < 3000; step++) log.numbers(step, ['loss'], [step === 5 ? NaN : step])
    log.profile(2999, 'p', [1, 2, 3])
    const bytes = log.toBytes()
    const back = SignalLog.fromBytes(bytes, 'f')
    expect(back.series('loss')).toEqual(log.series('loss'))
    expect(back.profiles('p')).toEqual(log.profiles('p'))
    expect(back.layers).toEqual(['dense_1'])
    for (const end of [0, 5, 11, 30, bytes.length - 1]) {
      expect(() => SignalLog.fromBytes(bytes.slice(0, end), 'f')).toThrow(/^f: expected the signals of a run/)
    }
    const long = bytes.slice()
    long.set([255, 255, 255, 255], 8)
    expect(() => SignalLog.fromBytes(long, 'f')).toThrow('its header is longer than the file')
  })
})

describe('a fit', () => {
  it('keeps signals per step and per layer, and tells of what was not healthy', async () => {
    const crew = new InlineCrew()
    const rows = 8 * 40
    const { x, y } = blobs(rows, 5, 3)
    x[8 * 20 * 5] = NaN
    const trainer = await Trainer.create(
      {
        ...{ seed: 1, epochs: 2, batchSize: 8, shuffle: false, optimizer: { type: 'sgd', learningRate: 0.1 } },
        model: {
          layers: [
            { type: 'dense', units: 7, activation: 'relu' },
            { type: 'dense', units: 3 },
          ],
        },
      },
      { crew },
    )
    const told: string[] = []
    const history = await trainer.fit(toDataset({ x, y, features: 5, nonFinite: 'allow' }), {
      callbacks: { onHealthEvent: ({ text }) => void told.push(text) },
    })
    const { signals, events } = history
    expect(signals.steps).toBe(80)
    expect(signals.series('loss')!.high[20]).toBe(Infinity)
    expect(signals.series('gradNorm')!.y.slice(0, 20)).toEqual(history.steps.gradNorm.slice(0, 20))
    expect(signals.layers).toEqual(['dense_1', 'dense_2'])
    const { x: at, rows: norms } = signals.profiles('layerGradNorm')!
    expect([...at]).toEqual([...Array.from({ length: 17 }, (_, i) => i), 32, 48, 64])
    // The layers' norms together are the step's.
    expect(Math.hypot(norms[0]![19]!, norms[1]![19]!)).toBeCloseTo(history.steps.gradNorm[64]!, 4)
    const active = signals.profiles('active')!.rows
    expect(active[0]![1]).toBeGreaterThan(0)
    expect(active[0]![1]).toBeLessThanOrEqual(1)
    // The last layer has no ReLU.
    expect(active[1]![1]).toBeNaN()
    expect(events.map(({ step, code, decision }) => [step, code, decision])).toEqual([
      [20, 'NONFINITE_LOSS', 'skip'],
      [60, 'NONFINITE_LOSS', 'skip'],
    ])
    expect(told).toEqual(events.map(({ text }) => text))
    expect(told[0]).toBe(
      'Loss is not finite (NaN) at step 20; the batch was skipped, weights were not updated. ' +
        'Computed again by the same worker, as there is no other, it has the same bits, and strict kernels agree: ' +
        'it is the numbers, not the machine.',
    )
  })
})
