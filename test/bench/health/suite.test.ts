import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { splitOf } from '../../../bench/health/case.ts'
import type { Split } from '../../../bench/health/case.ts'
import { hashOf, labelCase } from '../../../bench/health/label.ts'
import type { Labels } from '../../../bench/health/label.ts'
import stored from '../../../bench/health/labels.json' with { type: 'json' }
import { caseOf, isQuick, suite } from '../../../bench/health/suite/index.ts'

const labels = stored as unknown as Labels

/** Of what a case is, when its fault sets in, and which names are right for it: not to be chosen after what was said of it. */
const CASES = 'dfda8085f42f9036d661935a22cb126478472375bc7a99b164e932d1414134c0'

/** Changes when labels or split do: constants tuned before are then worth nothing, and are to be chosen anew. */
const LOCK = '5edc94cbfe772bd6e0c66d710e7836fb4f7500137ebc9cc439e91eeea74796d5'

describe('the suite', () => {
  const faulty = suite.filter(({ classes }) => classes.length > 0)

  it('has 62 faulty and 30 healthy configurations, 40 and 24 of them quick', () => {
    expect([faulty.length, suite.length - faulty.length]).toEqual([62, 30])
    const quick = suite.filter(isQuick)
    expect([quick.filter(({ classes }) => classes.length > 0).length, quick.length]).toEqual([40, 64])
    expect(new Set(suite.map(({ id }) => id)).size).toBe(92)
  })

  it('is locked, with the names that are accepted', () => {
    const said = suite.map(({ id, title, data, net, steps, since, classes }) => [
      ...[id, title, data, net],
      ...[steps, since, classes.join(' ')],
    ])
    expect(createHash('sha256').update(JSON.stringify(said)).digest('hex')).toBe(CASES)
  })

  it('shares neither data nor networks between tune and test', () => {
    const of = (split: Split) => suite.filter((c) => splitOf(c) === split)
    const shared = (what: 'data' | 'net') => {
      const seen = new Set<string>(of('tune').map((c) => c[what]))
      return of('test').flatMap((c) => (seen.has(c[what]) ? [`${c.id} ${c[what]}`] : []))
    }
    expect(shared('data')).toEqual([])
    expect(shared('net')).toEqual([])
  })

  it('has faults of every family, and healthy runs, in both splits', () => {
    const families = (split: Split) => new Set(suite.filter((c) => splitOf(c) === split).map(({ family }) => family))
    expect([...families('tune')].sort()).toEqual([...families('test')].sort())
    expect(families('test').size).toBe(12)
  })
})

describe('the labels', () => {
  it('are locked', () => {
    expect(hashOf(labels.labels)).toBe(labels.sha256)
    expect(labels.sha256).toBe(LOCK)
  })

  it('are there for every case, of its split, and leave nothing open', () => {
    expect(Object.keys(labels.labels)).toEqual(suite.map(({ id }) => id))
    for (const c of suite) {
      const { label, split } = labels.labels[c.id]!
      expect([c.id, label, split]).toEqual([c.id, c.classes.length > 0 ? 'faulty' : 'healthy', splitOf(c)])
    }
  })

  it.each(['F5c', 'F2b', 'Hd'])('of %s come out again', async (id) => {
    const { label, outcomes } = await labelCase(caseOf(id))
    expect(label).toBe(labels.labels[id]!.label)
    expect(outcomes.map(({ nonFinite }) => nonFinite)).toEqual(labels.labels[id]!.outcomes.map((o) => o.nonFinite))
  })
})
