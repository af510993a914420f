/** Torch mode against torch.nn.utils.clip_grad_norm_ and clip_grad_value_; clip.golden.py made the numbers. */
import { describe, expect, test } from 'vitest'
import { clipGradNorm_, clipGradValue_ } from '../../src/gradient/clip.ts'
import golden from './clip.golden.json' with { type: 'json' }

type Numbers = readonly (number | string)[]
const tensors = (list: readonly Numbers[]) => list.map((numbers) => Float32Array.from(numbers, Number))
const u32 = 2 ** -24

describe('torch mode agrees with PyTorch', () => {
  test.each(golden.norms)('norm of type $normType, maxNorm $maxNorm, total $totalNorm', (example) => {
    const list = tensors(example.before)
    const normType = example.normType as number | 'inf'
    const total = Number(example.totalNorm)
    const result = clipGradNorm_(list, example.maxNorm, { mode: 'torch', normType })
    // PyTorch sums 14 elements in float32: its own norm is good to about 14 roundings. For p = 3 it takes the power 1/3,
    // rounded to float32, of the sum of cubes: that adds ln(sum) roundings.
    const roundings = 14 + (normType === 3 ? Math.abs(Math.log(total ** 3)) : 0)
    expect(Math.abs(result.totalNorm - total)).toBeLessThanOrEqual(roundings * u32 * total)
    const coefficient = Math.min(1, example.maxNorm / (result.totalNorm + 1e-6))
    expect(Math.abs(result.coef - coefficient)).toBeLessThanOrEqual(4 * u32 * coefficient)
    const after = tensors(example.after)
    list.forEach((data, t) =>
      data.forEach((x, i) =>
        expect(Math.abs(x - after[t]![i]!)).toBeLessThanOrEqual((roundings + 4) * u32 * Math.abs(x)),
      ),
    )
  })

  test.each(golden.nonFinite)('a total norm of $totalNorm', (example) => {
    const list = tensors(example.before)
    const result = clipGradNorm_(list, example.maxNorm, { mode: 'torch', onNonFinite: 'torch' })
    expect(result.totalNorm).toBe(Number(example.totalNorm))
    expect(list.map((data) => Array.from(data, (x) => x + 0))).toEqual(
      tensors(example.after).map((data) => Array.from(data, (x) => x + 0)),
    )
  })

  test.each(golden.values)('clipping by value $value', (example) => {
    const list = tensors(example.before)
    clipGradValue_(list, example.value, { mode: 'torch' })
    expect(list).toEqual(tensors(example.after))
  })
})
