/**
 * What several ranks on this machine should take, from the pieces of one worker's step: each rank runs its share of them
 * at a pace of its own, all wait for the slowest, and then for the measured exchange.
 */
import type { KernelName } from '../../src/kernels/kernels.ts'
import { machineCosts } from '../simulate/machine.ts'
import { TURN, measurementOf, observe } from '../simulate/measure.ts'
import { predictions } from '../simulate/predict.ts'
import { workload } from '../workloads.ts'

/** Times one worker's step: workers of one process, and ranks of one worker without their exchange. */
export interface Shares {
  readonly together: number
  readonly apart: number
  /** From a summons to the thread that makes the exchange, or back: it sleeps. */
  readonly wakeMicros: number
}

/** Exchanges of a step: gradients, norms, weights. */
const EXCHANGES = 3

export async function sharesOf(name: string, kernels: KernelName, ranks: number, seconds: number): Promise<Shares> {
  const here = await machineCosts()
  const seen = measurementOf(await observe(workload(name), kernels, [1, ranks], { ...TURN, seconds }), here.clockMicros)
  const { counterMicros } = here
  const assumptions = {
    cores: ranks,
    counterMicros,
    memory: undefined,
    machines: 1,
    latencyMicros: 0,
    network: Infinity,
  }
  const one = { ...assumptions, machines: ranks, isOneHost: true }
  const [alone, together] = predictions(seen.planOf, assumptions, [1, ranks])
  const [apart] = predictions(seen.planOf, one, [1])
  return {
    together: together!.micros / alone!.micros,
    apart: apart!.micros / alone!.micros,
    wakeMicros: seen.planOf(ranks).costs.wakeSleeping,
  }
}

/** @param aloneMicros one worker's step in the same run @param exchangeMicros of a step, between threads that are awake */
export const apartMicros = ({ apart, wakeMicros }: Shares, aloneMicros: number, exchangeMicros: number): number =>
  apart * aloneMicros + exchangeMicros + 2 * EXCHANGES * wakeMicros
