/**
 * When a tensor of the rows is touched first and last: layers are lowered to rooms that lie apart from each other, a row
 * long, and run once in the order of a step over kernels that compute nothing and look where they are sent. So no layer
 * has to say what it uses.
 *
 * Time is counted in moments: a layer's turn in a stage of row blocks is one, all of any other phase is one. Between two
 * stages lies a barrier; within one, pieces are at different moments.
 */
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import type { Model } from '../model/build.ts'
import { lowerModel } from '../model/graph.ts'
import type { Flow, LoweredLayer, Lowering, Pass, Tile } from '../model/layer.ts'
import type { Stage } from './stages.ts'
import type { Watch } from './watch.ts'

export interface Tensor {
  readonly kind: 'activation' | 'back-signal'
  /** Numbers of a row. */
  readonly cols: number
}

/** First and last moment of each tensor in the order they were asked for, `null` where it is not used; and the phase of each moment. */
export interface Schedule {
  readonly lives: readonly (readonly [first: number, last: number] | null)[]
  readonly phases: readonly number[]
}

/** A network whose tensors lie apart: what it uses can be told from where it is sent. */
export interface Traced {
  readonly network: LoweredLayer
  readonly tensors: readonly Tensor[]
}

/** Further apart than a row is long; below are counts and what is no tensor of the rows. */
const APART = 2 ** 33

export function lowerApart(model: Model, training: boolean): Traced {
  const tensors: Tensor[] = []
  const room = (kind: Tensor['kind'], cols: number): Pointer => APART * tensors.push({ kind, cols })
  const input: Flow = { value: 0, gradient: -1, cols: model.inputs, overwritable: false }
  const nowhere = () => 0
  const to: Lowering = {
    tensor: (cols) => room('activation', cols),
    backSignal: (cols) => (training ? room('back-signal', cols) : -1),
    parameter: nowhere,
    next: nowhere,
    perBlock: nowhere,
    perShard: nowhere,
    once: nowhere,
    temporary: nowhere,
    stream: nowhere,
  }
  return { network: lowerModel(model, input, to), tensors }
}

/** A step: its stages, the gradients, and the look at what a sampled one left. @param stages of that network */
export function stepSchedule(traced: Traced, stages: readonly Stage[], watch: Watch): Schedule {
  const { network } = traced
  const record = new Recorder(traced, true)
  stages.forEach((stage, phase) => record.stage(network, stage, phase))
  record.moment(stages.length, (k, pass) => {
    for (const task of network.gradients) task.run(k, 0, 1, WHOLE, 0, false, pass)
  })
  record.moment(stages.length + 1, (k) => {
    for (const { output, backSignal } of watch.layers) k.copy(0, output?.value ?? -1, backSignal)
  })
  return record
}

/** An evaluation, which is one phase: every layer forward, then the loss or the outputs that are kept. */
export function evaluationSchedule(traced: Traced): Schedule {
  const { network } = traced
  const record = new Recorder(traced, false)
  for (const layer of network.parts ?? [network]) record.moment(0, (k, pass) => layer.forward(k, 0, 1, pass))
  record.moment(0, (k) => k.copy(0, network.output.value, -1))
  return record
}

/** Tensors that the gradients are made of, or that are looked at after them. */
export function lasting({ lives, phases }: Schedule): number[] {
  const end = phases.length - 2
  return lives.flatMap((life, tensor) => (life && life[1] >= end ? [tensor] : []))
}

/** All of them at once. */
export const together = (tensors: readonly unknown[]): Schedule => ({ lives: tensors.map(() => [0, 0]), phases: [0] })

/** All of a gradient: of one row nothing is computed, so its size is nothing to anybody. */
const WHOLE: Tile = { row: 0, rowEnd: 1, col: 0, colEnd: Infinity }

class Recorder implements Schedule {
  readonly lives: ([number, number] | null)[]
  readonly phases: number[] = []
  readonly #pass: Pass
  readonly #kernels: Kernels

  constructor({ tensors }: Traced, training: boolean) {
    this.lives = tensors.map(() => null)
    const touch = (pointer: unknown): void => {
      if (typeof pointer !== 'number' || pointer < APART) return
      const tensor = Math.floor(pointer / APART) - 1
      const life = this.lives[tensor]
      const now = this.phases.length - 1
      if (life) life[1] = now
      else this.lives[tensor] = [now, now]
    }
    const look = (...given: unknown[]): number => {
      for (let i = 0; i < given.length; i++) touch(given[i])
      return 0
    }
    this.#kernels = new Proxy({} as Kernels, { get: () => look })
    const floats = new Float32Array(0)
    const numbers = { seed: 0, batch: 0, firstRow: 0, rows: 1, shardRows: 1, blockRows: 1, firstShard: 0, temporary: 0 }
    this.#pass = { training, floats, look, ...numbers }
  }

  moment(phase: number, run: (k: Kernels, pass: Pass) => void): void {
    this.phases.push(phase)
    run(this.#kernels, this.#pass)
  }

  stage({ output }: LoweredLayer, stage: Stage, phase: number): void {
    if (stage.kind === 'tile') {
      const { direction, product, riders, cols } = stage
      this.moment(phase, (k) => {
        for (const part of [product, ...riders]) part[direction](k, 0, 1, 0, cols)
      })
      return
    }
    const { meeting, forward, loss, backward } = stage
    if (meeting) {
      this.moment(phase, (k, pass) => {
        meeting.sum(k, 0, pass)
        meeting.join(k, pass)
      })
    }
    for (const layer of forward) this.moment(phase, (k, pass) => layer.forward(k, 0, 1, pass))
    if (loss) this.moment(phase, (k) => k.copy(0, output.value, output.gradient))
    for (const layer of backward) this.moment(phase, (k, pass) => layer.backward(k, 0, 1, pass))
  }
}
