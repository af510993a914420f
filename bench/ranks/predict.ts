/**
 * What several workers, and as many ranks of one worker, on this machine should take: from the pieces of one worker's step,
 * of the plans that they have, and the measured exchange.
 */
import type { KernelName } from '../../src/kernels/kernels.ts'
import { machineCosts } from '../simulate/machine.ts'
import { TURN, measurementOf, observe } from '../simulate/measure.ts'
import { predictions } from '../simulate/predict.ts'
import { workload } from '../workloads.ts'

/** In times one worker's step: workers of one process, and ranks of one worker without their exchange. */
export interface Shares {
  readonly together: number
  readonly apart: number
}

export async function sharesOf(name: string, kernels: KernelName, ranks: number, seconds: number): Promise<Shares> {
  const { clockMicros, counterMicros } = await machineCosts()
  const shareOf = async (workers: number, machines: number): Promise<number> => {
    const seen = await observe(workload(name), kernels, [workers], { ...TURN, seconds }, machines)
    const { alone, planOf } = measurementOf(seen, clockMicros)
    const assumptions = { cores: ranks, counterMicros, memory: undefined, machines, ...HERE }
    return 1 / predictions(alone, planOf, assumptions, [workers])[0]!.speedUp
  }
  return { together: await shareOf(ranks, 1), apart: await shareOf(1, ranks) }
}

/** The exchange is measured, not modelled. */
const HERE = { isOneHost: true, latencyMicros: 0, network: Infinity }
