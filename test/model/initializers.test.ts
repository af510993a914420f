import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InitializerConfig } from '../../src/model/config.ts'
import { initialize } from '../../src/model/initializers.ts'

const IN = 90
const OUT = 110
const N = IN * OUT

function draw(
  initializer: InitializerConfig,
  seed = 1,
  stream = 0,
  shape: readonly number[] = [IN, OUT],
): Float32Array {
  const out = new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(NaN)
  initialize({ name: 'kernel', shape, initializer, fanIn: shape[0]!, fanOut: shape.at(-1)! }, seed, stream, out)
  return out
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v, 0) / values.length
const moment = (values: Float32Array, centre: number, power: number): number =>
  mean(Array.from(values, (v) => (v - centre) ** power))

const random: [InitializerConfig, number, number, number][] = [
  // [initializer, mean, variance, largest distance from the mean]
  [{ type: 'uniform', min: -0.5, max: 1.5 }, 0.5, 4 / 12, 1],
  [{ type: 'normal', mean: 2, std: 0.3 }, 2, 0.09, Infinity],
  // Variance of a standard normal cut at +-2: 1 - 2 x 2 phi(2) / (2 Phi(2) - 1) = 0.7737.
  [{ type: 'truncatedNormal', mean: -1, std: 0.5 }, -1, 0.25 * 0.7737413, 1],
  [{ type: 'glorotUniform' }, 0, 2 / (IN + OUT), Math.sqrt(6 / (IN + OUT))],
  [{ type: 'glorotNormal' }, 0, 2 / (IN + OUT), Infinity],
  [{ type: 'heUniform' }, 0, 2 / IN, Math.sqrt(6 / IN)],
  [{ type: 'heNormal' }, 0, 2 / IN, Infinity],
  [{ type: 'lecunUniform' }, 0, 1 / IN, Math.sqrt(3 / IN)],
  [{ type: 'lecunNormal' }, 0, 1 / IN, Infinity],
  [{ type: 'varianceScaling', scale: 2, mode: 'fanOut', distribution: 'normal' }, 0, 2 / OUT, Infinity],
  [{ type: 'varianceScaling', scale: 3, mode: 'fanIn', distribution: 'uniform' }, 0, 3 / IN, Math.sqrt(9 / IN)],
  [
    { type: 'varianceScaling', scale: 1, mode: 'fanAvg', distribution: 'truncatedNormal' },
    0,
    2 / (IN + OUT),
    (2 * Math.sqrt(2 / (IN + OUT))) / 0.8796256610342398,
  ],
]

describe.each(random)('%j', (initializer, centre, variance, reach) => {
  it.each([1, 2, 3])('has its mean and variance, within 4 standard errors (seed %i)', (seed) => {
    const values = draw(initializer, seed)
    expect(Math.abs(mean(values) - centre)).toBeLessThan(4 * Math.sqrt(variance / N))
    // The standard error of a variance is sqrt((m4 - m2^2) / n); m4 of a normal, 3 m2^2, is the largest here.
    expect(Math.abs(moment(values, centre, 2) - variance)).toBeLessThan(4 * variance * Math.sqrt(2 / N))
  })

  it('keeps within its bounds, and goes near them', () => {
    const far = Math.max(...draw(initializer).map((v) => Math.abs(v - centre)))
    if (reach === Infinity) return expect(far).toBeGreaterThan(3 * Math.sqrt(variance))
    expect(far).toBeLessThanOrEqual(reach * (1 + 2 ** -23))
    expect(far).toBeGreaterThan(0.95 * reach)
  })

  it('is a function of seed, stream and position; seeds and streams differ and do not correlate', () => {
    const one = draw(initializer, 7, 3)
    expect(draw(initializer, 7, 3)).toEqual(one)
    for (const other of [draw(initializer, 8, 3), draw(initializer, 7, 4)]) {
      const correlation = mean(one.map((v, i) => ((v - centre) * (other[i]! - centre)) / variance))
      expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(N))
    }
  })
})

describe('constants', () => {
  it('fill the tensor', () => {
    expect(new Set(draw({ type: 'zeros' }))).toEqual(new Set([0]))
    expect(new Set(draw({ type: 'ones' }))).toEqual(new Set([1]))
    expect(new Set(draw({ type: 'constant', value: -2.5 }))).toEqual(new Set([-2.5]))
  })
})

describe('orthogonal', () => {
  it('has orthonormal rows or columns, whichever are fewer, times the gain', () => {
    const sizes = fc.integer({ min: 1, max: 25 })
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(0.5, 1, 2), fc.nat(1000), (rows, cols, gain, seed) => {
        const w = draw({ type: 'orthogonal', gain }, seed, 0, [rows, cols])
        const count = Math.min(rows, cols)
        const at = (v: number, i: number) => (rows <= cols ? w[v * cols + i]! : w[i * cols + v]!)
        for (let a = 0; a < count; a++) {
          for (let b = 0; b <= a; b++) {
            let dot = 0
            for (let i = 0; i < Math.max(rows, cols); i++) dot += at(a, i) * at(b, i)
            expect(Math.abs(dot - (a === b ? gain * gain : 0))).toBeLessThan(1e-5 * gain * gain)
          }
        }
      }),
    )
  })

  it('is a function of seed and stream', () => {
    const config: InitializerConfig = { type: 'orthogonal', gain: 1 }
    expect(draw(config, 1, 2, [9, 6])).toEqual(draw(config, 1, 2, [9, 6]))
    expect(draw(config, 1, 2, [9, 6])).not.toEqual(draw(config, 1, 3, [9, 6]))
  })
})

describe('identity', () => {
  it('has its gain on the diagonal of a matrix', () => {
    expect([...draw({ type: 'identity', gain: 2 }, 1, 0, [2, 3])]).toEqual([2, 0, 0, 0, 2, 0])
  })

  it("is in the middle of a convolution's kernel, which then gives its channels as they are", () => {
    const kernel = draw({ type: 'identity', gain: 1 }, 1, 0, [3, 1, 2, 2])
    expect([...kernel]).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0])
  })
})
