import type { ResolvedConfig } from '../config/schema.ts'
import { UserError } from '../errors.ts'

/** The data of a config, without which the command line has nothing to train on. */
export function needData(config: Pick<ResolvedConfig, 'data'>): NonNullable<ResolvedConfig['data']> {
  if (config.data) return config.data
  throw new UserError('`data`: missing; expected a file or `digits`, in the config or by --data')
}
