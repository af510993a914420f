/**
 * Faults injected into a run: between two phases (a hook of the inline crew), into the data, or into the initial weights.
 * Config faults need no code: they are the case's config.
 */
import type { Dataset } from '../../src/data/dataset.ts'
import { dataOrder } from '../../src/data/order.ts'
import { endLane } from '../../src/plan/pieces.ts'
import { Phase } from '../../src/plan/plan.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { Hooks, View } from '../../src/train/inline.ts'
import { State } from '../../src/train/state.ts'

/** Makes the hooks of one run; called anew for each, so that what they remember is the run's own. */
export type Injection = () => Hooks

/** Where a parameter lies; `undefined` in a plan that no longer has it (a repair may have replaced the layer). */
function find({ plan }: View, name: string) {
  return plan.placements.all.find(({ spec }) => spec.name === name)
}

const beginsBatch = (phase: Phase, { state }: View): boolean => phase === Phase.rows && state[State.first] === 0

/** Once, before batch number `batch` is worked off. */
function onceAt(batch: number, act: (view: View) => void): Injection {
  return () => {
    let isDone = false
    return {
      before(phase, view) {
        if (isDone || view.state[State.batch]! < batch || !beginsBatch(phase, view)) return
        isDone = true
        act(view)
      },
    }
  }
}

/** One weight becomes 2^20 times what it was. */
export const flipWeight = (batch: number, parameter: string, element: number): Injection =>
  onceAt(batch, (view) => {
    const found = find(view, parameter)
    if (found) view.arena.floats[view.plan.at.parameters + found.offset + element]! *= 2 ** 20
  })

/** Every unit of a ReLU layer is pushed far below 0. */
export const killLayer = (batch: number, bias: string): Injection =>
  onceAt(batch, (view) => {
    const found = find(view, bias)
    if (!found) return
    const at = view.plan.at.parameters + found.offset
    view.arena.floats.fill(-1e3, at, at + found.size)
  })

/**
 * Damages what one participant adds to the gradient: called with its slice of the laned parameters (all of them, with
 * `gradient: 'lanes'`) after the gradients were made and before they are summed.
 */
function onLane(from: number, lane: number, act: (gradient: Float32Array, view: View) => void): Injection {
  return () => ({
    after(phase, view) {
      const { plan, state, arena } = view
      if (phase !== Phase.gradient || state[State.batch]! < from) return
      if (state[State.first]! + state[State.rows]! < state[State.batchRows]!) return
      if (lane >= lanesOf(plan, state)) return
      const { laned } = plan.placements
      const at = plan.at.lanes + lane * laned
      act(arena.floats.subarray(at, at + laned), view)
    },
  })
}

const lanesOf = (plan: Plan, state: Float64Array) => endLane(plan, 0, state[State.batchRows]!)

/** From batch `from` on, the participant sends what it sent then. */
export const staleLane = (from: number, lane: number): Injection => {
  return () => {
    let kept: Float32Array | undefined
    return onLane(from, lane, (gradient) => {
      if (kept?.length === gradient.length) gradient.set(kept)
      else kept = gradient.slice()
    })()
  }
}

export const zeroLanes = (from: number, lanes: readonly number[]): Injection => {
  const injections = lanes.map((lane) => onLane(from, lane, (gradient) => void gradient.fill(0)))
  return () => {
    const all = injections.map((make) => make())
    return { after: (phase, view) => all.forEach((hooks) => hooks.after!(phase, view)) }
  }
}

/** The participant's sum counts `factor` times: as a shard of few rows does where means are averaged unweighted. */
export const overweightLane = (from: number, lane: number, factor: number): Injection =>
  onLane(from, lane, (gradient) => {
    for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor
  })

/** One batch in which a participant's gradient is not a number. */
export const nanLane = (batch: number, lane: number): Injection => {
  return () => {
    let isDone = false
    return onLane(batch, lane, (gradient) => {
      if (!isDone) gradient[gradient.length >> 1] = NaN
      isDone = true
    })()
  }
}

/** Reduced twice: every participant's sum already is the sum of all when they are summed. */
export const doubleReduction = (from: number): Injection => {
  return () => ({
    after(phase, view) {
      const { plan, state, arena } = view
      if (phase !== Phase.gradient || state[State.batch]! < from) return
      const lanes = lanesOf(plan, state)
      const { laned } = plan.placements
      for (let i = 0; i < laned; i++) {
        let sum = 0
        for (let lane = 0; lane < lanes; lane++) sum += arena.floats[plan.at.lanes + lane * laned + i]!
        for (let lane = 0; lane < lanes; lane++) arena.floats[plan.at.lanes + lane * laned + i] = sum
      }
    },
  })
}

/** The gradients of these parameters are dropped, as where layers are frozen that should learn. */
export const freeze = (parameters: readonly string[]): Injection => {
  return () => ({
    after(phase, view) {
      const { plan, arena } = view
      if (phase !== Phase.gradient) return
      for (const name of parameters) {
        const found = find(view, name)
        if (!found || found.how === 'tiles') continue
        for (let lane = 0; lane < lanesOf(plan, view.state); lane++) {
          const at = plan.at.lanes + lane * plan.placements.laned + found.offset
          arena.floats.fill(0, at, at + found.size)
        }
      }
    },
  })
}

/** Changes the rows of one batch of the first epoch, as the order of the data will draw it. */
export function poisonBatch(
  data: Dataset,
  seed: number,
  batch: number,
  batchSize: number,
  rows: number,
  change: (x: Float32Array, y: Float32Array) => void,
): Dataset {
  const { features, targets } = data
  const [x, y] = [data.x.slice(), data.y.slice()]
  const order = dataOrder(data.rows, seed, 0)
  for (let i = 0; i < rows; i++) {
    const row = order(batch * batchSize + i)
    change(x.subarray(row * features, (row + 1) * features), y.subarray(row * targets, (row + 1) * targets))
  }
  return { ...data, x, y }
}
