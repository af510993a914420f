/** Weights trained here run in PyTorch, and PyTorch's run here. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import type { Names } from '../../src/interop/match.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { normalAt } from '../../src/random/normal.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from '../train/data.ts'
import { stacked, stackedNames } from './stacked.ts'

const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import torch, numpy']).status === 0,
)
const why = python ? '' : ' (skipped: no python3 with torch; Debian has python3-torch)'

const ROWS = 9
const rows = Array.from({ length: ROWS }, (_, r) => Array.from({ length: 6 }, (_, c) => Math.fround(normalAt(5, r, c))))
const config: Config = {
  epochs: 3,
  loss: 'meanSquaredError',
  model: {
    layers: [
      { type: 'dense', units: 5, activation: 'relu' },
      { type: 'prelu' },
      {
        type: 'residual',
        shortcut: 'projection',
        layers: [
          { type: 'dense', units: 7, activation: 'tanh' },
          { type: 'dense', units: 8 },
        ],
      },
      { type: 'dense', units: 3 },
    ],
  },
}
const data = { ...blobs(60, 6, 3), targets: 3, y: Float32Array.from({ length: 180 }, (_, i) => normalAt(6, 0, i)) }
/** Twelve layers: by the alphabet `10.weight` comes before `2.weight`. */
const twelve: Config = {
  loss: 'meanSquaredError',
  model: {
    layers: [
      ...Array.from({ length: 12 }, () => ({ type: 'dense', units: 6, activation: 'relu' }) as const),
      { type: 'dense', units: 3 },
    ],
  },
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-torch-'))
})
afterAll(() => rm(folder, { recursive: true }))

const open = (given: Config) => Trainer.create(given, { crew: new InlineCrew() })

function expectNear(actual: Float32Array, expected: readonly (readonly number[])[]): void {
  const flat = expected.flat()
  expect(actual).toHaveLength(flat.length)
  actual.forEach((value, i) => expect(Math.abs(value - flat[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(flat[i]!))))
}

/**
 * Outputs of our weights there, which are expected to be ours, and the file and outputs of weights made there.
 * @param script takes paths of our weights, of its own and of rows
 */
async function exchanged(trainer: Trainer, script: string, rows: readonly (readonly number[])[], names?: Names) {
  const [ours, theirs, input] = ['ours', 'theirs', 'rows'].map((part) => join(folder, `${script}-${part}.safetensors`))
  await trainer.save(ours!, { layout: 'pytorch', names })
  await writeFile(input!, JSON.stringify(rows))
  const path = join(import.meta.dirname, `${script}.py`)
  const { stdout, stderr } = spawnSync(python!, ['-B', path, ours!, theirs!, input!], { encoding: 'utf8' })
  expect(stderr).not.toMatch(/Error/)
  const { loaded, own } = JSON.parse(stdout) as { loaded: number[][]; own: number[][] }
  expectNear(await trainer.predict(rows), loaded)
  expect((await Trainer.load(ours!, {}, { crew: new InlineCrew() })).getWeights()).toEqual(trainer.getWeights())
  return { theirs: theirs!, own }
}

async function fitted(given: Config, data: Dataset): Promise<Trainer> {
  const trainer = await open(given)
  await trainer.fit(data)
  return trainer
}

async function expectRuns(
  given: Config,
  features: number,
  { theirs, own }: { theirs: string; own: number[][] },
  rows: readonly (readonly number[])[],
  names?: Names,
) {
  const other = await open(given)
  await other.build({ features, targets: own[0]!.length, classNames: undefined })
  await other.loadWeights(theirs, { names })
  expectNear(await other.predict(rows), own)
}

describe('PyTorch', () => {
  test.skipIf(!python)(`runs our weights as we do, and we run its${why}`, async () => {
    await expectRuns(twelve, 6, await exchanged(await fitted(config, data), 'pytorch', rows), rows)
  })

  test.skipIf(!python)(
    `runs our LSTM and GRU, from one end and from both, as we do, and we run its${why}`,
    async () => {
      const given: Config = {
        ...{ epochs: 3, loss: 'meanSquaredError' },
        model: {
          inputShape: [2, 3],
          layers: [
            { type: 'lstm', units: 5, returnSequences: true },
            { type: 'bidirectional', layer: { type: 'lstm', units: 3, returnSequences: true } },
            { type: 'gru', units: 4, returnSequences: true },
            { type: 'bidirectional', layer: { type: 'gru', units: 2 } },
            { type: 'dense', units: 3 },
          ],
        },
      }
      await expectRuns(given, 6, await exchanged(await fitted(given, data), 'pytorch_recurrent', rows), rows)
    },
  )

  test.skipIf(!python)(
    `runs our layers as one module of several, and we run its by name and in order${why}`,
    async () => {
      const rows = Array.from({ length: ROWS }, (_, r) =>
        Array.from({ length: 12 }, (_, c) => Math.fround(normalAt(5, r, c))),
      )
      const trainer = await fitted(stacked, { ...data, ...blobs(60, 12, 2), targets: 2, y: data.y.subarray(0, 120) })
      const gone = await exchanged(trainer, 'pytorch_stacked', rows, stackedNames)
      await expectRuns(stacked, 12, gone, rows, stackedNames)
      // `encoder`, `rnn`, `top`: by the alphabet in the order of our layers.
      await expectRuns(stacked, 12, gone, rows)
    },
  )

  // Ours flattens cells with their channels last, PyTorch channels first: weights behind it go through them in another order.
  test.skipIf(!python)(`runs our convolutions, flattened, as we do, and we run its${why}`, async () => {
    const given: Config = {
      ...{ epochs: 3, loss: 'meanSquaredError' },
      model: {
        inputShape: [4, 6, 2],
        layers: [
          { type: 'conv2d', filters: 4, kernelSize: 3, padding: 'same' },
          { type: 'batchNorm' },
          { type: 'activation', activation: 'relu' },
          { type: 'maxPooling2d' },
          { type: 'flatten' },
          { type: 'prelu' },
          { type: 'dense', units: 3 },
        ],
      },
    }
    const images = Array.from({ length: ROWS }, (_, r) =>
      Array.from({ length: 48 }, (_, c) => Math.fround(normalAt(8, r, c))),
    )
    const trainer = await fitted(given, { ...data, ...blobs(60, 48, 3), targets: 3, y: data.y })
    await expectRuns(given, 48, await exchanged(trainer, 'pytorch_convolution', images), images)
  })
})
