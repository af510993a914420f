import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Average, MetricConfig } from '../../src/model/config.ts'
import { readConfusion } from '../../src/model/metrics/confusion.ts'
import { metric } from '../../src/model/metrics.ts'
import type { Reading } from '../../src/model/metrics.ts'
import { normalAt, uniformAt } from '../../src/random/normal.ts'
import { golden } from '../golden/values.ts'

/** The value over `rows` rows, added in blocks of `block` rows whose sums are added afterwards, as a run does it. */
function measure(
  config: MetricConfig,
  outputs: readonly number[],
  targets: readonly number[],
  rows: number,
  block = rows,
  reading: Reading = { takes: 'label', link: outputs.length === rows ? 'sigmoid' : 'softmax' },
): number {
  const cols = outputs.length / rows
  const width = targets.length / rows
  const memory = Float32Array.from([...outputs, ...targets])
  const m = metric(config, cols, reading, width)
  const total = new Float64Array(m.sums)
  for (let from = 0; from < rows; from += block) {
    const sums = new Float64Array(m.sums)
    for (let r = from; r < Math.min(rows, from + block); r++) {
      m.add(memory, r * cols, outputs.length + r * width, cols, width, sums, 0)
    }
    sums.forEach((value, i) => (total[i]! += value))
  }
  return m.value(total, 0, rows)
}

describe('metrics against scikit-learn and PyTorch', () => {
  const { classification: c, regression: r } = golden('metrics')

  it.each([1, 2, 9])('classes, in blocks of %i rows', (block) => {
    expect(measure({ type: 'accuracy' }, c.outputs, c.labels, c.rows, block)).toBeCloseTo(c.accuracy, 9)
    expect(measure({ type: 'topK', k: 3 }, c.outputs, c.labels, c.rows, block)).toBeCloseTo(c.top3Accuracy, 9)
    expect(measure({ type: 'topK', k: 1 }, c.outputs, c.labels, c.rows, block)).toBeCloseTo(c.accuracy, 9)
    expect(measure({ type: 'topK', k: c.classes }, c.outputs, c.labels, c.rows, block)).toBe(1)
  })

  it.each([1, 4, 9])('numbers, in blocks of %i rows', (block) => {
    expect(measure({ type: 'mae' }, r.outputs, r.targets, r.rows, block)).toBeCloseTo(r.meanAbsoluteError, 9)
    expect(measure({ type: 'r2' }, r.outputs, r.targets, r.rows, block)).toBeCloseTo(r.r2, 9)
  })
})

describe('accuracy', () => {
  it('of one logit: on the right side of 0, which is a probability of 0.5', () => {
    // Right, right, wrong, wrong; a logit of exactly 0 says no.
    expect(measure({ type: 'accuracy' }, [2, -1, -3, 4, 0], [1, 0, 1, 0, 0], 5)).toBe(3 / 5)
  })

  it('of one probability per class: by the largest of outputs and of targets', () => {
    expect(measure({ type: 'accuracy' }, [1, 2, 5, 3, 0, 1], [0, 1, 1, 0, 0.4, 0.6], 3)).toBe(1)
    expect(measure({ type: 'accuracy' }, [1, 2, 5, 3, 0, 1], [1, 0, 1, 0, 0.6, 0.4], 3)).toBe(1 / 3)
  })

  it('does not take a row of NaN for right', () => {
    expect(measure({ type: 'accuracy' }, [NaN, NaN, 1, 0], [0, 0], 2)).toBe(0.5)
    expect(measure({ type: 'topK', k: 1 }, [NaN, 5, 1, 0], [0, 0], 2)).toBe(0.5)
  })
})

describe('top k', () => {
  it('grows with k, from accuracy without ties to 1', () => {
    const outputs = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(fc.tuple(outputs, fc.nat(5)), { minLength: 1, maxLength: 20 }), (rows) => {
        const [o, t] = [rows.flatMap(([values]) => values), rows.map(([, label]) => label)]
        const values = [1, 2, 3, 4, 5, 6].map((k) => measure({ type: 'topK', k }, o, t, rows.length))
        expect(values[0]).toBe(measure({ type: 'accuracy' }, o, t, rows.length))
        values.forEach((value, i) => expect(value).toBeGreaterThanOrEqual(values[i - 1] ?? 0))
        expect(values[5]).toBe(1)
      }),
    )
  })

  it('counts ties against: outputs that are all alike know nothing', () => {
    expect(measure({ type: 'topK', k: 2 }, [1, 1, 1], [0], 1)).toBe(0)
  })
})

describe('r2', () => {
  it('is 1 for the targets, 0 for their mean, averaged over outputs', () => {
    const targets = [1, 10, 2, 30, 6, 20]
    expect(measure({ type: 'r2' }, targets, targets, 3)).toBe(1)
    expect(measure({ type: 'r2' }, [3, 20, 3, 20, 3, 20], targets, 3)).toBeCloseTo(0, 12)
    expect(measure({ type: 'r2' }, [1, 20, 2, 20, 6, 20], targets, 3)).toBeCloseTo(0.5, 12)
  })

  it('of targets that do not vary is 1 when met, else 0', () => {
    expect(measure({ type: 'r2' }, [4, 4], [4, 4], 2)).toBe(1)
    expect(measure({ type: 'r2' }, [4, 5], [4, 4], 2)).toBe(0)
    // 0.1 is no binary fraction: its sums round.
    for (const rows of [3, 10, 1000]) {
      const targets = Array<number>(rows).fill(0.1)
      expect(measure({ type: 'r2' }, targets, targets, rows)).toBe(1)
      expect(measure({ type: 'r2' }, Array<number>(rows).fill(0.2), targets, rows)).toBe(0)
    }
  })
})

describe('class metrics against scikit-learn', () => {
  const wanted = golden('class-metrics')
  const { outputs, labels, rows, binary } = wanted
  const averages: Average[] = ['macro', 'weighted', 'micro']

  it.each(['precision', 'recall', 'f1'] as const)('%s, by every average and in blocks', (type) => {
    averages.forEach((average, i) => {
      for (const block of [1, 4, rows])
        expect(measure({ type, average }, outputs, labels, rows, block)).toBeCloseTo(wanted[type][i]!, 9)
    })
    const one = measure({ type, average: 'macro' }, binary.outputs, binary.labels, binary.rows, 5)
    expect(one).toBeCloseTo(binary[type], 9)
  })

  it('the area under the curve, ties counted half', () => {
    expect(measure({ type: 'auc' }, binary.outputs, binary.labels, binary.rows, 5)).toBeCloseTo(binary.auc, 9)
    expect(measure({ type: 'auc' }, outputs, labels, rows, 2)).toBeCloseTo(wanted.auc, 9)
  })

  it('perplexity', () => {
    expect(measure({ type: 'perplexity' }, outputs, labels, rows, 2)).toBeCloseTo(wanted.perplexity, 6)
    expect(measure({ type: 'bits' }, outputs, labels, rows, 2)).toBeCloseTo(Math.log2(wanted.perplexity), 6)
  })
})

describe('the confusion matrix', () => {
  /** Of rows added one after another. */
  const count = (outputs: readonly number[], targets: readonly number[], rows: number, reading: Reading) => {
    const [cols, width] = [outputs.length / rows, targets.length / rows]
    const m = metric({ type: 'confusion' }, cols, reading, width)
    const sums = new Float64Array(m.sums)
    const memory = Float32Array.from([...outputs, ...targets])
    for (let r = 0; r < rows; r++) m.add(memory, r * cols, outputs.length + r * width, cols, width, sums, 0)
    const classes = reading.link !== 'softmax' ? 2 : reading.takes === 'labels' ? cols / width : cols
    return readConfusion(sums, 0, classes, ['cat', 'dog'])
  }

  it('agrees with accuracy, and with precision and recall by class', () => {
    const { outputs, labels, rows } = golden('class-metrics')
    const { counts, undecided } = count(outputs, labels, rows, { takes: 'label', link: 'softmax' })
    const right = counts.reduce((sum, row, c) => sum + row[c]!, 0)
    expect(right / rows).toBe(measure({ type: 'accuracy' }, outputs, labels, rows))
    expect(measure({ type: 'confusion' }, outputs, labels, rows, 4)).toBe(right / rows)
    expect(counts.flat().reduce((a, b) => a + b)).toBe(rows)
    expect(undecided.every((n) => n === 0)).toBe(true)
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
    const seen = counts.map((_, c) => c).filter((c) => sum(counts[c]!) + sum(counts.map((row) => row[c]!)) > 0)
    const mean = (of: (c: number) => number) => sum(seen.map((c) => of(c) || 0)) / seen.length
    const recall = mean((c) => counts[c]![c]! / sum(counts[c]!))
    const precision = mean((c) => counts[c]![c]! / sum(counts.map((row) => row[c]!)))
    expect(recall).toBeCloseTo(measure({ type: 'recall', average: 'macro' }, outputs, labels, rows), 12)
    expect(precision).toBeCloseTo(measure({ type: 'precision', average: 'macro' }, outputs, labels, rows), 12)
  })

  it('has the truth down and the prediction across, names where they are known, and a place for NaN', () => {
    // Class 0 taken for 1; class 2 right; class 2 for none.
    expect(count([0, 5, 1, 0, 1, 2, NaN, NaN, NaN], [0, 2, 2], 3, { takes: 'label', link: 'softmax' })).toEqual({
      classes: ['cat', 'dog', '2'],
      counts: [
        [0, 1, 0],
        [0, 0, 0],
        [0, 0, 1],
      ],
      undecided: [0, 0, 1],
    })
  })

  it('of one yes-or-no output has two classes; of labelled positions it leaves the masked out', () => {
    const yesNo = count([2, -1, -3, 4, 0], [1, 0, 1, 0, 0], 5, { takes: 'numbers', link: 'sigmoid' })
    expect(yesNo.counts).toEqual([
      [2, 1],
      [1, 1],
    ])
    // Two positions of two classes each: the first row's second position has no label.
    const positions = count([1, 0, 0, 1, 0, 1, 1, 0], [0, -1, 1, 1], 2, { takes: 'labels', link: 'softmax' })
    expect(positions.counts).toEqual([
      [1, 0],
      [1, 1],
    ])
  })
})

describe('the area under the curve', () => {
  /** Over all pairs, as it is defined. */
  const exact = (scores: readonly number[], hits: readonly number[]): number => {
    let [sum, pairs] = [0, 0]
    scores.forEach((a, i) =>
      scores.forEach((b, j) => {
        if (hits[i] !== 1 || hits[j] !== 0) return
        pairs++
        sum += a > b ? 1 : a === b ? 0.5 : 0
      }),
    )
    return sum / pairs
  }

  it('is within a thousandth of all pairs compared, for scores of any spread', () => {
    for (const spread of [0.1, 1, 5, 30]) {
      fc.assert(
        fc.property(fc.nat(2 ** 30), (seed) => {
          const t = Array.from({ length: 300 }, (_, i) => (uniformAt(seed, 0, i) < 0.3 ? 1 : 0))
          const o = t.map((hit, i) => Math.fround(spread * (normalAt(seed, 1, i) + hit)))
          expect(Math.abs(measure({ type: 'auc' }, o, t, 300) - exact(o, t))).toBeLessThan(1e-3)
        }),
        { numRuns: 5 },
      )
    }
  })

  it('of two outputs is that of their difference', () => {
    const [o, t] = [
      [2, 1, 0, 3, 5, 5, 1, 9],
      [0, 1, 1, 0],
    ]
    const odds = [-1, 3, 0, 8]
    expect(measure({ type: 'auc' }, o, t, 4)).toBe(exact(odds, t))
  })

  it('is NaN where a class is missing', () => {
    expect(measure({ type: 'auc' }, [1, 2, 3], [1, 1, 1], 3)).toBeNaN()
  })
})

describe('positions with masked labels', () => {
  const reading: Reading = { takes: 'labels', link: 'softmax' }
  // Two rows of three positions over two classes.
  const outputs = [0, 1, 1, 0, 5, 0, 0, 2, 3, 0, 0, 1]
  const labels = [1, 1, -1, -1, 0, -1]

  it('do not count', () => {
    // Labelled: (0, 1) says 1, right; (1, 0) says 0, wrong; (3, 0) says 0, right.
    expect(measure({ type: 'accuracy' }, outputs, labels, 2, 1, reading)).toBe(2 / 3)
    const losses = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(1)), Math.log(1 + Math.exp(-3))]
    const mean = losses.reduce((a, b) => a + b) / 3
    expect(measure({ type: 'perplexity' }, outputs, labels, 2, 1, reading)).toBeCloseTo(Math.exp(mean), 9)
  })
})
