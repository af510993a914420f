/**
 * Data and trainer of a config, whose code is loaded when a command needs it. Apart from the commands: beside an
 * `await using`, tsc does not rewrite the path of an import() for the package.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import type { LoadedData } from '../data/load.ts'
import type { Trainer } from '../train/trainer.ts'
import { needData } from './needs.ts'

/** @throws UserError where the config names no data, or it cannot be read */
export async function load(config: ResolvedConfig): Promise<LoadedData> {
  const { loadData } = await import('../data/load.ts')
  return loadData(needData(config), config.seed)
}

export async function open(config: ResolvedConfig): Promise<Trainer> {
  const { Trainer } = await import('../train/trainer.ts')
  return Trainer.create(config)
}
