/** How many rows are worked off at a time where nothing is learned. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/schema.ts'
import { buildModel } from '../../src/model/build.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { evaluationSpec, resolveTask } from '../../src/train/prepare.ts'

const data = { rows: 10_000, features: 4, targets: 1, classNames: ['a', 'b'] }

function planFor(units: number) {
  const config = parseConfig({
    model: {
      layers: [
        { type: 'dense', units },
        { type: 'dense', units: 2 },
      ],
    },
  })
  const task = resolveTask(config, buildModel(config.model, data.features), data)
  return compilePlan(evaluationSpec(config, task, data, false))
}

test('256 rows of a wide network, and fewer where what lies between layers would take more than 128 MiB; 64 at the least', () => {
  const rowsOf = (units: number) => planFor(units).evaluationRows
  expect(rowsOf(2 ** 17 - 2)).toBe(256)
  expect(rowsOf(2 ** 17)).toBe(128)
  expect(rowsOf(2 ** 20)).toBe(64)
})
