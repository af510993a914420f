/** Silent units, counted sample by sample: who was active once is never among them, who was not for long enough always is. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReference } from '../../src/kernels/reference.ts'
import { thresholds } from '../../src/gradient/thresholds.ts'
import { countSilence } from '../../src/train/observe.ts'

const UNITS = 7

it('counts a unit as silent exactly while no sample has activated it', () => {
  const batch = fc.record({
    rows: fc.integer({ min: 1, max: 300 }),
    /** Units that some row activates, and which row. */
    active: fc.array(fc.record({ unit: fc.nat(UNITS - 1), row: fc.nat(299) }), { maxLength: UNITS }),
  })
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), (batches) => {
      const doubles = new Float64Array(UNITS + 6)
      const since = new Float64Array(UNITS)
      for (const { rows, active } of batches) {
        const floats = new Float32Array((rows + 1) * UNITS).fill(-1)
        const awake = new Set<number>()
        for (const { unit, row } of active) {
          floats[(row % rows) * UNITS + unit] = 1e-30
          awake.add(unit)
        }
        const flow = { value: 0, gradient: -1, cols: UNITS, overwritable: false } as const
        countSilence(createReference(floats), floats, doubles, flow, rows, 0, UNITS, rows * UNITS)
        for (let unit = 0; unit < UNITS; unit++) since[unit] = awake.has(unit) ? 0 : since[unit]! + rows
        expect(doubles.subarray(0, UNITS)).toEqual(since)
        const silent = since.filter((samples) => samples >= thresholds.dead.manySamples).length
        expect([...doubles.subarray(UNITS + 2, UNITS + 5)]).toEqual([
          since.filter((samples) => samples === 0).length,
          silent,
          Math.max(...since),
        ])
      }
    }),
  )
})
