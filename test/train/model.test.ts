/** A model as a plain function gives what the trainer gives, at once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { loadData, readDataset } from '../../src/data/load.ts'
import { kernelAvailability, kernelNames } from '../../src/kernels/select.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { loadModel } from '../../src/train/model.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-model-'))
})
afterAll(() => rm(folder, { recursive: true }))

const config: Config = {
  epochs: 2,
  model: {
    layers: [
      { type: 'dense', units: 33, activation: 'gelu' },
      { type: 'dropout', rate: 0.5 },
      { type: 'dense', units: 5 },
    ],
  },
}

describe('predict without threads', () => {
  for (const kernels of kernelNames) {
    const availability = kernelAvailability(kernels)
    const why = availability.available ? '' : ` (skipped: ${availability.reason})`
    test.skipIf(!availability.available)(`has the bits of the trainer's, kernels ${kernels}${why}`, async () => {
      const trainer = await Trainer.create({ ...config, kernels }, { crew: new InlineCrew() })
      const data = blobs(700, 12, 5)
      await trainer.fit(data)
      const path = join(folder, `${kernels}.brig`)
      await trainer.save(path)
      const model = await loadModel(path)
      expect(model).toMatchObject({ inputs: 12, outputs: 5 })
      for (const rows of [1, 7, 256, 700]) {
        const x = data.x.subarray(0, rows * 12)
        expect(model.predict(x)).toEqual(await trainer.predict(x))
      }
      // Again, after larger calls: nothing of them is left.
      expect(model.predict(data.x.subarray(0, 12))).toEqual(await trainer.predict(data.x.subarray(0, 12)))
    })
  }

  it('refuses rows of another width', async () => {
    const trainer = await Trainer.create(config, { crew: new InlineCrew() })
    await trainer.build(blobs(10, 4, 5))
    await trainer.save(join(folder, 'four.safetensors'))
    const model = await loadModel(join(folder, 'four.safetensors'))
    expect(() => model.predict([[1, 2, 3]])).toThrow(/\[rows, 4\]/)
    expect(() => model.predictRecords([{ a: 1 }])).toThrow(/data transform/)
  })
})

describe('records', () => {
  const csv = [
    'size,colour,kind',
    ...Array.from({ length: 40 }, (_, i) => `${i % 10},${i % 3 ? 'red' : 'blue'},${i % 10 > 4 ? 'big' : 'small'}`),
  ]
  const columns = csv.slice(1).map((line) => line.split(','))

  it('are answered with the classes of the data, as the rows of its file are', async () => {
    const source = join(folder, 'things.csv')
    await writeFile(source, csv.join('\n'))
    const data = { source, target: 'kind' }
    const loaded = await loadData(data, 0)
    const trainer = await Trainer.create(
      { ...config, epochs: 60, learningRate: 0.01, data },
      { crew: new InlineCrew() },
    )
    trainer.transform = loaded.transform
    await trainer.fit(loaded.train)
    const path = join(folder, 'things.brig')
    await trainer.save(path)
    const model = await loadModel(path)
    const answers = model.predictRecords(columns.map(([size, colour]) => ({ size: Number(size), colour, other: 'x' })))
    expect(answers.map((answer) => answer.class)).toEqual(columns.map(([, , kind]) => kind))
    const { x } = await readDataset(data, loaded.transform)
    const probabilities = model.predict(x)
    expect(answers[3]).toMatchObject({ probabilities: Array.from(probabilities.subarray(15, 20)) })

    expect(() => model.predictRecords([{ size: 'many', colour: 'red' }])).toThrow(/`size` of record 0 to be a number/)
    expect(() =>
      model.predictRecords([
        { size: 1, colour: 'red' },
        { size: [1, 2], colour: 'red' },
      ]),
    ).toThrow(/`size` of record 1 to be 1 numbers/)
    expect(() => model.predictRecords([{ size: 1, colour: 'green' }])).toThrow(/green/)
    expect(() => model.predictRecords([{ colour: 'red' }])).toThrow(/size/)
  })
})
