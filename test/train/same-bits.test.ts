/**
 * The flagship: the weights have the same bits for any number of workers, for every kernel implementation, through
 * uneven batches, dropout, accumulation, clipping, weights, lanes and tiles, and a resume with another number of workers.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { kernelAvailability, kernelNames } from '../../src/kernels/select.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'
import { base, data, trainings, validation, wide } from './trainings.ts'

const WORKERS = [1, 2, 3, 5, 8]
const validationFor = ({ features }: Dataset) => (features === 21 ? validation : undefined)

/** Crews live as long as the file: starting threads takes longer than these trainings. */
const crews = new Map(WORKERS.map((workers) => [workers, new Crew(workers)]))
afterAll(() => Promise.all([...crews.values()].map((crew) => crew.close())))

async function hashAfter(config: Config & { workers: number }, data: Dataset): Promise<string> {
  await using trainer = await Trainer.create(config, { crew: crews.get(config.workers) })
  await trainer.fit(data, { validationData: validationFor(data) })
  return trainer.weightsHash()
}

describe.for(kernelNames)('%s', (kernels) => {
  const availability = kernelAvailability(kernels)
  const why = availability.available ? '' : ` (skipped: ${availability.reason})`
  const it = test.skipIf(!availability.available)

  it.for(Object.entries(trainings))(`%s: one hash for 1, 2, 3, 5 and 8 workers${why}`, async ([, given]) => {
    const hashes = new Set<string>()
    for (const workers of WORKERS) {
      hashes.add(await hashAfter({ ...base, ...given.config, kernels, workers }, given.data ?? data))
    }
    expect([...hashes]).toHaveLength(1)
  })

  // A native BLAS may order a sum by the shape of the call: there it holds within rounding only.
  test.runIf(availability.available && kernels !== 'blas')(
    'accumulation in parts equals the big batch, bit for bit',
    async () => {
      const hashes = new Set<string>()
      for (const accumulationSteps of [1, 2, 4, 5, 64]) {
        hashes.add(await hashAfter({ ...base, kernels, workers: 2, accumulationSteps }, data))
      }
      expect([...hashes]).toHaveLength(1)
    },
  )

  test.runIf(availability.available && kernels !== 'blas')(
    'large layers in phases of their own, their samples gathered ahead, give the bits of row blocks',
    async () => {
      const hashes = new Set<string>()
      // 160 rows in 1, 2 or 40 parts: parts of 4 rows are too little work for phases of their own.
      for (const accumulationSteps of [1, 2, 40]) {
        hashes.add(await hashAfter({ ...base, ...wide, kernels, workers: 2, accumulationSteps }, blobs(400, 130, 5)))
      }
      expect([...hashes]).toHaveLength(1)
    },
  )

  it('differs by seed, so that equal hashes mean something', async () => {
    const one = await hashAfter({ ...base, kernels, workers: 1, seed: 1 }, data)
    const two = await hashAfter({ ...base, kernels, workers: 1, seed: 2 }, data)
    expect(one).not.toBe(two)
  })
})

describe('the calling thread alone', () => {
  it('gives the bits of a crew, gates and epochs included', async () => {
    for (const [config, rows] of [
      [{ ...base, ...wide }, blobs(200, 130, 5)],
      [base, data],
    ] as const) {
      const expected = await hashAfter({ ...config, workers: 2 }, rows)
      const phases = new Set<number>()
      const crew = new InlineCrew({ before: (phase) => phases.add(phase), after: (phase) => phases.add(-phase) })
      await using trainer = await Trainer.create(config, { crew })
      const ends: number[] = []
      await trainer.fit(rows, {
        validationData: validationFor(rows),
        callbacks: { onEpochEnd: (epoch) => void ends.push(epoch) },
      })
      expect(trainer.weightsHash()).toBe(expected)
      expect(ends).toEqual([0, 1])
      expect([...phases].filter((phase) => phase < 0).length).toBe(phases.size / 2)
    }
  })
})

describe("workers: 'auto'", () => {
  it('changes the number of workers while it trains, and no bit', async () => {
    const config = { ...base, epochs: 60 }
    const expected = await hashAfter({ ...config, workers: 1 }, data)
    await using trainer = await Trainer.create({ ...config, workers: 'auto' }, { crew: crews.get(5) })
    const history = await trainer.fit(data, { validationData: validation })
    expect(history.trials.map(({ workers }) => workers)).toEqual([5, 3, 2, 1])
    expect(trainer.weightsHash()).toBe(expected)
  })
})

describe('resuming', () => {
  let directory: string
  beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'brigantine-'))))
  afterAll(() => rm(directory, { recursive: true }))

  test.each([1, 3, 4, 5, 7])(
    'after step %i of 8, with another number of workers, gives the bits of the whole run',
    async (at) => {
      const whole = await hashAfter({ ...base, workers: 2 }, data)
      const path = join(directory, `after-${at}.ckpt`)
      {
        await using first = await Trainer.create({ ...base, workers: 3, maxSteps: at })
        const history = await first.fit(data, { validationData: validation })
        expect(history.stopped).toBe('maxSteps')
        await first.save(path)
      }
      await using second = await Trainer.load(path, { workers: 1, maxSteps: undefined })
      expect(second.resumable).toBe(true)
      const history = await second.fit(data, { validationData: validation })
      expect(history.stopped).toBe('completed')
      expect(history.epoch).toEqual([0, 1])
      expect(second.weightsHash()).toBe(whole)
    },
  )
})

const native = kernelAvailability('native')
describe.skipIf(!native.available)(`native${native.available ? '' : ` (skipped: ${native.reason})`}`, () => {
  test.for(Object.entries(trainings))('%s: the hash of `wasm`', async ([, given]) => {
    const hashes = new Set<string>()
    for (const kernels of ['wasm', 'native'] as const) {
      hashes.add(await hashAfter({ ...base, ...given.config, kernels, workers: 2 }, given.data ?? data))
    }
    expect([...hashes]).toHaveLength(1)
  })
})
