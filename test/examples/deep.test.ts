/** 50 layers with shortcuts and without, by the documented configs: the check says why the twin learns little. */
import { expect, test } from 'vitest'
import plain from '../../bench/configs/deep-plain.ts'
import residual from '../../bench/configs/deep-residual.ts'
import type { Config } from '../../src/config/schema.ts'
import { loadData } from '../../src/data/load.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'

test('a network of 50 layers learns with shortcuts; its gradients shatter without', async () => {
  const { train, test: heldOut } = await loadData({ source: 'digits', testSplit: 0.2 }, 0)
  const outcome = async (config: Config) => {
    const trainer = await Trainer.create({ ...config, kernels: 'wasm', epochs: 4 }, { crew: new InlineCrew() })
    const codes = (await trainer.check(train)).map(({ code }) => code)
    await trainer.fit(train)
    const { acc } = await trainer.evaluate(heldOut!)
    return { codes, acc: acc! }
  }
  const [deep, twin] = [await outcome(residual), await outcome(plain)]
  expect(twin.codes).toContain('SHATTERED')
  expect(deep.codes).not.toContain('SHATTERED')
  expect(deep.acc).toBeGreaterThan(twin.acc + 0.2)
})
