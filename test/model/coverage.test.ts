/** Every layer that a config can name is held to PyTorch's values, to finite differences, and to one hash. */
import { describe, expect, it } from 'vitest'
import { layerTypes } from '../../src/model/build.ts'
import { goldenLayers } from '../golden/values.ts'
import { base, trainings } from '../train/trainings.ts'
import { layerSamples } from './samples.ts'

interface Config {
  readonly type: string
  readonly layers?: readonly Config[]
  readonly layer?: string | Config
}

function typesIn(layers: readonly Config[]): string[] {
  return layers.flatMap(({ type, layers = [], layer }) => [
    type,
    ...typesIn(layers),
    ...(typeof layer === 'object' ? typesIn([layer]) : []),
  ])
}

const suites: Record<string, readonly string[]> = {
  "values of PyTorch's, on every kernel set (golden.test.ts)": goldenLayers().flatMap(([, { layers }]) =>
    typesIn(layers),
  ),
  'finite differences (gradients.test.ts)': layerSamples.flatMap(([, , layers]) => typesIn(layers)),
  'one hash for any number of workers, on every kernel set (train/same-bits.test.ts)': Object.values(trainings).flatMap(
    ({ config }) => typesIn({ ...base, ...config }.model!.layers as readonly Config[]),
  ),
}

describe.each(Object.entries(suites))('%s', (_suite, types) => {
  it.each(layerTypes)('%s', (type) => expect(types).toContain(type))
})
