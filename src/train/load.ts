/** Data sets into the arena, a slice at a time: the host's event loop breathes in between. */
import type { Arena } from '../arena/arena.ts'
import { inSlices } from '../arena/turns.ts'
import type { Dataset } from '../data/dataset.ts'
import { scaleInto } from '../data/scale.ts'
import type { InputScale } from '../model/config.ts'
import type { Plan } from '../plan/plan.ts'

export async function loadData(
  arena: Arena,
  plan: Plan,
  training: Dataset | undefined,
  evaluation: Dataset | undefined,
): Promise<void> {
  const { at } = plan
  const { inputScale } = plan.spec.model
  if (training) {
    await copy(arena, training.x, at.trainX, inputScale)
    await copy(arena, training.y, at.trainY)
    if (training.sampleWeight) await copy(arena, training.sampleWeight, at.trainWeight)
  }
  if (evaluation) {
    await copy(arena, evaluation.x, at.evaluationX, inputScale)
    await copy(arena, evaluation.y, at.evaluationY)
  }
}

function copy(arena: Arena, values: Float32Array, to: number, scale?: InputScale): Promise<void> {
  return inSlices(values.length, (start, end) => {
    const slice = values.subarray(start, end)
    if (scale) scaleInto(slice, start, scale, arena.floats, to + start)
    else arena.floats.set(slice, to + start)
  })
}
