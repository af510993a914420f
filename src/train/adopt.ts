/** A file taken up with another optimizer than it was written with: the optimizer's state begins anew. */
import type { ResolvedConfig } from '../config/schema.ts'
import { stateSlots } from '../optim/optimizers.ts'
import type { OptimizerConfig } from '../optim/optimizers.ts'
import type { Checkpoint } from './checkpoint.ts'
import { State } from './state.ts'
import { freshSlots } from './weights.ts'

export function adoptOptimizer(file: Checkpoint, optimizer: OptimizerConfig): Checkpoint {
  const before = (file.config as ResolvedConfig).optimizer
  if (stateSlots(before).join() === stateSlots(optimizer).join()) return file
  const { parameters } = file.weights
  const state = file.state && file.state.with(State.updates, 0)
  return { ...file, state, updates: 0, weights: { parameters, slots: freshSlots(parameters, optimizer) } }
}
