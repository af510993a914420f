/** Data sets into the arena, a slice at a time: the host's event loop breathes in between. */
import { setImmediate } from 'node:timers/promises'
import type { Arena } from '../arena/arena.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Plan } from '../plan/plan.ts'

/** About a quarter of a millisecond of copying. */
const SLICE = 2 ** 18

export async function loadData(
  arena: Arena,
  plan: Plan,
  training: Dataset | undefined,
  evaluation: Dataset | undefined,
): Promise<void> {
  const { at } = plan
  if (training) {
    await copy(arena, training.x, at.trainX)
    await copy(arena, training.y, at.trainY)
    if (training.sampleWeight) await copy(arena, training.sampleWeight, at.trainWeight)
  }
  if (evaluation) {
    await copy(arena, evaluation.x, at.evaluationX)
    await copy(arena, evaluation.y, at.evaluationY)
  }
}

async function copy(arena: Arena, values: Float32Array, to: number): Promise<void> {
  for (let start = 0; start < values.length; start += SLICE) {
    arena.floats.set(values.subarray(start, start + SLICE), to + start)
    if (start + SLICE < values.length) await setImmediate()
  }
}
