import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { match } from '../../bench/peers/match.ts'
import type { Result } from '../../bench/peers/match.ts'
import { drawPicture } from '../../bench/peers/picture.ts'
import { readProblem, writeProblem } from '../../bench/peers/problem.ts'
import { printMatch } from '../../bench/peers/print.ts'
import { best, ratios } from '../../bench/peers/ratios.ts'
import { readOptions } from '../../bench/peers/run.ts'
import { deviation, median, quantile, spread } from '../../bench/statistics.ts'
import { workload } from '../../bench/workloads.ts'

const result = (name: string, team: string, rounds: number[], agrees = true): Result => ({
  name,
  team,
  rounds,
  micros: spread(rounds),
  meanMicros: rounds[0]!,
  agrees,
  deviation: agrees ? 0 : 0.5,
})

describe('quantiles', () => {
  it('lie between the values next to them', () => {
    expect(quantile([1, 2, 3, 4, 5], 0.1)).toBeCloseTo(1.4)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('do not depend on the order of the values', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, q) => {
        expect(quantile(all.toReversed(), q)).toBe(quantile(all, q))
      }),
    )
  })
})

describe('deviation of losses', () => {
  it('is the largest relative difference', () => {
    expect(deviation([2, 1.1, 4], [2, 1, 5])).toBeCloseTo(0.2)
  })

  it('compares the steps that both have', () => {
    expect(deviation([2], [2, 1])).toBe(0)
  })

  it.each([[[]], [[NaN]], [[1, NaN]]])('is infinite for %j: nothing was shown to agree', (losses) => {
    expect(deviation(losses, [1, 1])).toBe(Infinity)
  })
})

describe('ratios', () => {
  const ours = [result('ours blas, 1', 'ours blas', [10, 12, 14]), result('ours blas, 2', 'ours blas', [5, 6, 7])]

  it("set a peer's best configuration against our best, round by round", () => {
    const peers = [result('P, 1', 'P', [50, 30, 70]), result('P, 2', 'P', [90, 90, 90])]
    const [only, ...others] = ratios([...ours, ...peers])
    expect(others).toEqual([])
    // 50/5 = 10, 30/6 = 5, 70/7 = 10.
    expect(only).toMatchObject({ ours: 'ours blas, 2', peer: 'P, 1', times: { median: 10, p10: 6 }, agrees: true })
  })

  it('use the one time of a slow peer in every round, and pass on that its losses differ', () => {
    const [only] = ratios([...ours, result('P', 'P', [60], false)])
    expect(only).toMatchObject({ times: { median: 10 }, agrees: false })
  })

  it('leave out who has no times', () => {
    const missing: Result = { name: 'P', team: 'P', rounds: [], missing: 'not installed' }
    expect(ratios([...ours, missing])).toEqual([])
    expect(best([missing])).toBeUndefined()
    expect(printMatch([...ours, missing])).toContain('not installed')
  })
})

describe('the table and the picture', () => {
  const results = [result('ours wasm, 1 worker', 'ours wasm', [10]), result('<P>', 'P', [2500], false)]

  it('mark a peer whose losses differ', () => {
    expect(printMatch(results)).toMatch(/<P>.*5e-1 DIFFERS/)
    expect(drawPicture([{ workload: 'w', results }], '')).toContain('2.5 ms · 250 x · other losses')
  })

  it('escape names', () => {
    expect(drawPicture([{ workload: 'w', results }], '')).toContain('&lt;P&gt;')
  })
})

describe('options', () => {
  it('take workloads by name, several times', () => {
    const { workloads, only, rounds } = readOptions([
      '--workload',
      'mlp-mid',
      '--workload',
      'mlp-big',
      '--only',
      'ours',
    ])
    expect({ workloads, only, rounds }).toEqual({ workloads: ['mlp-mid', 'mlp-big'], only: ['ours'], rounds: 7 })
  })

  it.each([
    [['--workload', 'mlp-smal'], 'did you mean `mlp-small`?'],
    [['--only', 'ours,toch'], 'did you mean `torch`?'],
    [['--rounds', '1.5'], 'an integer >= 1'],
    [['--seconds', '0'], 'a number > 0'],
    [['--seconds'], '[--seconds 1]'],
    [['--worklod', 'mlp-mid'], 'workloads: mlp-small, '],
  ])('refuse %j', (args, said) => {
    expect(() => readOptions(args)).toThrow(said)
  })
})

describe('a match', () => {
  it('of our kernels alone gives the same losses and times for every round', { timeout: 120_000 }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'peers-test-'))
    try {
      await writeProblem('mlp-small', dir)
      const problem = await readProblem(dir)
      expect(problem.widths).toEqual([64, 32, 10])
      expect(problem.x).toEqual(workload('mlp-small').data.x)
      expect(problem.weights.map((values) => values.length)).toEqual([64 * 32, 32, 32 * 10, 10])

      const script = new URL('../../bench/peers/ours.ts', import.meta.url).pathname
      const entries = [1, 2].map((workers) => ({
        ...{ name: `${workers}`, group: 'ours' as const, team: 'ours wasm', command: process.execPath, env: {} },
        args: [script, 'wasm', String(workers)],
        missing: () => undefined,
      }))
      const absent = { ...entries[0]!, name: 'absent', args: ['-e', 'process.exit(3)'] }
      const results = await match([...entries, absent], dir, { rounds: 2, seconds: 0.01, say: () => {} })
      expect(results.map(({ rounds }) => rounds.length)).toEqual([2, 2, 0])
      expect(results.map(({ deviation: d }) => d)).toEqual([0, 0, undefined])
      expect(results[2]!.missing).toContain('ended or fell silent')
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
