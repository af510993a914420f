import { expect, test } from 'vitest'
import { z } from 'zod'
import { jsonSchema, type Config } from '../../src/config/schema.ts'

/** The JSON Schema read back by a reader of its own. */
const reader = z.fromJSONSchema(jsonSchema() as Parameters<typeof z.fromJSONSchema>[0])
const layers: Config['model']['layers'] = [
  { type: 'residual', layers: [{ type: 'dense', units: 8, activation: { type: 'elu', alpha: 2 } }] },
  { type: 'dense', units: 10 },
]

const examples: Config[] = [
  { model: { layers } },
  {
    model: {
      inputShape: [8, 8, 1],
      layers: [
        { type: 'conv2d', filters: 8, kernelSize: [3, 3], padding: [[1, 0], 1] },
        { type: 'averagePooling2d', strides: 2 },
        { type: 'reshape', targetShape: [-1] },
      ],
    },
  },
  { model: { layers }, batchSize: 'full', workers: 2, optimizer: 'sgd', clip: 'off', loss: 'huber' },
  { model: { layers }, optimizer: { learningRate: 0.1 }, schedule: { type: 'step', stepSize: 3 }, data: 'digits' },
]

test.each(examples)('an editor accepts example %#', (example) => {
  expect(reader.safeParse(example).success).toBe(true)
})

test.each([
  {},
  { model: { layers }, epoch: 1 },
  { model: { layers }, batchSize: 0 },
  { model: { layers: [{ type: 'x' }] } },
  { model: { layers: [{ type: 'conv2d', filters: 8, kernelSize: [3, 3, 3] }] } },
  { model: { inputShape: [], layers } },
])('an editor refuses %j', (wrong) => {
  expect(reader.safeParse(wrong).success).toBe(false)
})

test('every field says what it is', () => {
  const { properties } = jsonSchema() as { properties: Record<string, { description?: string }> }
  const silent = Object.entries(properties).filter(([, field]) => !field.description)
  expect(Object.keys(properties).length).toBeGreaterThan(20)
  expect(silent).toEqual([])
})
