/**
 * What one of several ranks does of a step, from the pieces of one process that works off the plan of as many shards: as in
 * src/train/sequencer.ts and src/plan/shards.ts. A rank has one shard's pieces of the rows and the gradient, and one slice
 * of the update; the process's `reduce` is its own lanes, and, when the gradients are exchanged, the `combine` of its slice.
 */
import { UPDATE_PIECE } from '../../src/plan/constants.ts'
import type { PlanSummary } from '../../src/plan/summary.ts'
import type { Costs, PhaseCosts } from './costs.ts'

/** What ranks exchange after a phase. */
export type Exchanged = 'moments' | 'gradients' | 'norms' | 'weights'

/**
 * @param costs of one process @param plan of `ranks` shards
 * @param meets phases of rows before which ranks exchange moments
 */
export function rankOf(
  costs: Costs,
  plan: Pick<PlanSummary, 'tensors' | 'lanes' | 'phases'>,
  meets: ReadonlySet<string>,
  { rank, ranks }: { readonly rank: number; readonly ranks: number },
): Costs {
  const bound = (length: number, r: number) => Math.floor((r * length) / ranks)
  const own = (all: readonly number[]) => all.slice(bound(all.length, rank), bound(all.length, rank + 1))
  const runs = plan.phases.find(({ phase }) => phase === 'update')!.pieces
  const allTiles = ranks * sum(plan.tensors.filter(isBy('tiles')).map(({ pieces }) => pieces))
  const laned = sum(plan.tensors.filter(isBy('lanes')).map(({ shape }) => shape.reduce((a, b) => a * b, 1)))
  /** Of a piece of `reduce`: `lanes` additions of each shard's, and one more to add the shard or to square the sum. */
  const lanesShare = (piece: number) => (piece < Math.ceil(laned / UPDATE_PIECE) ? plan.lanes / (plan.lanes + 1) : 0)

  const phaseOf = (given: PhaseCosts, next: string | undefined): PhaseCosts[] => {
    const { phase, pieces, serial } = given
    const ownOfBoth = (count: number) => [...own(pieces.slice(0, count)), ...own(pieces.slice(count))]
    switch (phase) {
      case 'gradient':
        return [{ ...given, pieces: ownOfBoth(allTiles) }]
      case 'reduce':
        return [
          { phase, pieces: pieces.map((micros, i) => (micros * lanesShare(i)) / ranks), serial: 0, then: 'gradients' },
          {
            phase: 'combine',
            pieces: own(pieces.map((micros, i) => micros * (1 - lanesShare(i)))),
            serial,
            then: 'norms',
          },
        ]
      case 'update':
        // Behind the runs of parameters: the next batch's rows, and what is looked at in a sampled step.
        return [{ ...given, pieces: ownOfBoth(runs), then: 'weights' }]
      default:
        return [
          { ...given, pieces: own(pieces), ...(next !== undefined && meets.has(next) ? { then: 'moments' } : {}) },
        ]
    }
  }
  return { ...costs, steps: costs.steps.map((step) => step.flatMap((one, p) => phaseOf(one, step[p + 1]?.phase))) }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const isBy = (how: 'tiles' | 'lanes') => (tensor: PlanSummary['tensors'][number]) => tensor.gradient === how
