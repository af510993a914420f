/** PyTorch's recurrent modules of several layers: as many layers of ours, by name or in order, and back out. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { encodeSafetensors, readSafetensors } from '../../src/interop/safetensors.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { stacked, stackedNames } from './stacked.ts'

/** What test/golden/stacked.py wrote. */
const written = new URL('../golden/values/torch-stacked.safetensors', import.meta.url)
const { x, y } = JSON.parse(readFileSync(new URL('../golden/values/torch-stacked.json', import.meta.url), 'utf8')) as {
  x: number[][]
  y: number[][]
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-stacked-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function opened(config: Config, features = 12, targets = 2): Promise<Trainer> {
  const trainer = await Trainer.create(config, { crew: new InlineCrew() })
  await trainer.build({ features, targets, classNames: undefined })
  return trainer
}

/** A file of zeros. */
async function fileOf(shapes: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    ...{ name, shape },
    values: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }))
  const path = join(folder, `${Object.keys(shapes).join('').length}.safetensors`)
  await writeFile(path, Buffer.concat(encodeSafetensors({ tensors, metadata: {} })))
  return path
}

describe('a module of several layers', () => {
  it.each([
    ['in order', undefined],
    ['by name', stackedNames],
  ])('gives here what it gave there, %s', async (_, names) => {
    const trainer = await opened(stacked)
    await trainer.loadWeights(fileURLToPath(written), { names })
    const outputs = await trainer.predict(x)
    expect(Math.max(...outputs) - Math.min(...outputs)).toBeGreaterThan(2)
    outputs.forEach((value, i) => expect(Math.abs(value - y.flat()[i]!)).toBeLessThan(1e-5))
  })

  it('goes back out under the names it came with, tensor by tensor, and comes back', async () => {
    const trainer = await opened(stacked)
    await trainer.loadWeights(fileURLToPath(written))
    const path = join(folder, 'out.safetensors')
    await trainer.save(path, { layout: 'pytorch', names: stackedNames })
    const [theirs, ours] = await Promise.all([readSafetensors(fileURLToPath(written)), readSafetensors(path)])
    const shapes = (tensors: typeof ours.tensors) =>
      Object.fromEntries(tensors.map(({ name, shape }) => [name, shape.join()]))
    expect(shapes(ours.tensors)).toEqual(shapes(theirs.tensors))
    const valuesOf = (tensors: typeof ours.tensors, name: string) => tensors.find((one) => one.name === name)!.values
    for (const name of ['encoder.weight_ih_l1_reverse', 'rnn.weight_hh_l10', 'rnn.bias_hh_l11', 'top.weight'])
      expect(valuesOf(ours.tensors, name)).toEqual(valuesOf(theirs.tensors, name))
    const again = await Trainer.load(path, {}, { crew: new InlineCrew() })
    expect(again.getWeights()).toEqual(trainer.getWeights())
  })

  it('that is the whole network has names without a module', async () => {
    const config: Config = {
      loss: 'meanSquaredError',
      model: { inputShape: [4, 3], layers: [{ type: 'gru', units: 2, returnSequences: true }, { type: 'gru', units: 2 }] }, // prettier-ignore
    }
    const trainer = await opened(config)
    const path = join(folder, 'bare.safetensors')
    await trainer.save(path, { layout: 'pytorch', names: { gru_1: 'l0', gru_2: 'l1' } })
    expect((await readSafetensors(path)).tensors.map(({ name }) => name)).toEqual(
      ['l0', 'l1'].flatMap((l) => [`weight_ih_${l}`, `weight_hh_${l}`, `bias_ih_${l}`, `bias_hh_${l}`]),
    )
    const other = await opened({ ...config, seed: 9 })
    await other.loadWeights(path)
    expect(other.getWeights()).toEqual(trainer.getWeights())
  })
})

describe('refused with what is wrong', () => {
  it('a module with other layers than the model, both told', async () => {
    const trainer = await opened({ ...stacked, model: { ...stacked.model, layers: stacked.model.layers.slice(3) } })
    await expect(trainer.loadWeights(fileURLToPath(written))).rejects.toThrow(
      /expected 46 tensors for gru_1\/kernel.*; got 62: encoder\.l0\.forward\./,
    )
    await expect(trainer.loadWeights(fileURLToPath(written), { names: { gru_1: 'rnn' } })).rejects.toThrow(
      /expected a tensor .*rnn.*for `gru_1\/kernel`; there are encoder\.l0/,
    )
  })

  it('another recurrence', async () => {
    const trainer = await opened(stacked)
    const rnn = await fileOf({ 'rnn.weight_ih_l0': [5, 3], 'rnn.weight_hh_l0': [5, 5] })
    await expect(trainer.loadWeights(rnn)).rejects.toThrow(/`rnn\.weight_hh_l0`: expected .*got \[5, 5\]\. .*nn\.RNN/)
    const projected = { 'p.weight_ih_l0': [16, 3], 'p.weight_hh_l0': [16, 2], 'p.weight_hr_l0': [2, 4] }
    await expect(trainer.loadWeights(await fileOf(projected))).rejects.toThrow(/got \[16, 2\]\. .*proj_size/)
    await expect(trainer.loadWeights(await fileOf({ 'rnn.weight_hh_l0': [] }))).rejects.toThrow(/got \[\]/)
  })

  it('names of no layer, of one place for two, and of a file without names', async () => {
    const trainer = await opened(stacked)
    const path = join(folder, 'none.safetensors')
    const save = (names: Record<string, string>, to = path) => trainer.save(to, { layout: 'pytorch', names })
    await expect(save({ gru_13: 'rnn.l12' })).rejects.toThrow(/expected names of layers .*gru_12.* got `gru_13`/)
    await expect(save({ gru_1: 'rnn.l0', gru_2: 'rnn.l0' })).rejects.toThrow(/got `rnn\.weight_ih_l0` for two tensors/)
    await expect(save({ gru_1: 'rnn' }, join(folder, 'none.onnx'))).rejects.toThrow(/ends with \.safetensors/)
    await expect(readSafetensors(path)).rejects.toThrow(/no such file/)
  })

  it('a map of names in the file that is none', async () => {
    const trainer = await opened(stacked)
    const path = join(folder, 'odd.safetensors')
    await trainer.save(path, { layout: 'pytorch', names: stackedNames })
    const { tensors, metadata } = await readSafetensors(path)
    const altered = metadata.brigantine!.replace('"encoder.l0"', '7')
    await writeFile(path, Buffer.concat(encodeSafetensors({ tensors, metadata: { ...metadata, brigantine: altered } })))
    await expect(Trainer.load(path)).rejects.toThrow(/metadata `brigantine`.*altered/)
  })
})
