/** What repair is asked to mend without a fault: symptoms of the beginning, and standstills, of a run that is behind. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { healthCodes } from '../../src/gradient/verdict.ts'
import type { HealthCode, HealthVerdict } from '../../src/gradient/verdict.ts'
import { faultsOf, harmfulSymptoms, standstills } from '../../src/train/complaints.ts'
import { evenly } from '../gradient/generators.ts'

const verdict = (code: HealthCode, step: number, severity: HealthVerdict['severity'] = 'warn') =>
  ({ code, step, severity }) as HealthVerdict

/** Gates of a run that explains so much, one every 32 batches: ages at which something is asked. */
function asked(explained: number, health: readonly HealthVerdict[], what: typeof harmfulSymptoms): number[] {
  const ages: number[] = []
  for (let age = 32; age <= 640; age += 32) {
    const found = what({ health, seen: health.length, age, ageBefore: age - 32, explained })
    if (found.length > 0) ages.push(age)
  }
  return ages
}

describe('a run that is behind', () => {
  it('is asked about what was out of scale after 64 steps without anything, 128 below a tenth, 256 below a half', () => {
    for (const code of ['INPUT_SCALE', 'TARGET_SCALE', 'LR_IMPLAUSIBLE', 'SATURATED'] as const) {
      const of = (explained: number) => asked(explained, [verdict(code, -1)], harmfulSymptoms)
      expect(of(-1)).toEqual([64, 128, 256])
      expect(of(0.05)).toEqual([128, 256])
      expect(of(0.3)).toEqual([256])
      expect(of(0.6)).toEqual([])
    }
  })

  it('is asked about a standstill in the same way, and for nothing else', () => {
    expect(asked(0, [verdict('STALLED', 50)], standstills)).toEqual([64, 128, 256])
    const given = fc.record({
      codes: fc.array(fc.constantFrom(...healthCodes.filter((code) => code !== 'STALLED'))),
      explained: evenly(-1, 1),
    })
    fc.assert(
      fc.property(given, ({ codes, explained }) => {
        const health = codes.map((code) => verdict(code, 40))
        expect(asked(explained, health, standstills)).toEqual([])
        // What came up later is no symptom of the beginning.
        expect(asked(explained, health, harmfulSymptoms)).toEqual([])
      }),
    )
  })

  it('is asked once at each of those ages, however far apart the gates lie', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }), (steps) => {
        let [age, count] = [0, 0]
        for (const step of steps) {
          const gate = { health: [verdict('TARGET_SCALE', -1)], seen: 1, age: age + step, ageBefore: age, explained: 0 }
          const passed = [64, 128, 256].filter((due) => due > age && due <= age + step)
          expect(harmfulSymptoms(gate)).toHaveLength(passed.length > 0 ? 1 : 0)
          count += harmfulSymptoms(gate).length
          age += step
        }
        expect(count).toBeLessThanOrEqual(3)
      }),
    )
  })
})

it('faults are those since the gate before', () => {
  const health = [verdict('STALLED', 3, 'fault'), verdict('GRAD_SPIKE', 5), verdict('DEAD_LAYER', 6, 'fault')]
  const gate = { health, seen: 1, age: 32, ageBefore: 0, explained: 0 }
  expect(faultsOf(gate).map(({ code }) => code)).toEqual(['DEAD_LAYER'])
})
