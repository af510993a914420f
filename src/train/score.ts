/** What the outputs of a row block are worth: loss and metrics beside the targets; or as they are given to the user. */
import type { Arena } from '../arena/arena.ts'
import { Activation } from '../kernels/kernels.ts'
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import { ownLossOf, weighPositions } from '../model/losses.ts'
import type { Plan } from '../plan/plan.ts'

export class Score {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #doubles: Float64Array

  constructor(plan: Plan, kernels: Kernels, { floats, doubles }: Arena) {
    this.#plan = plan
    this.#k = kernels
    this.#floats = floats
    this.#doubles = doubles
  }

  /** Loss and metrics of a row block into its partial sums; the loss's gradient unless `gradient` is -1. */
  loss(piece: number, row: number, rows: number, gradient: Pointer | -1): void {
    const { at, spec, loss, metrics, network, sums } = this.#plan
    const { value, cols } = network.output
    const doubles = this.#doubles
    const outputs = value + row * cols
    const targets = at.target + row * spec.targets
    const into = at.partials + piece * sums
    const dy = gradient === -1 ? -1 : gradient + row * cols
    const { code, parameter, second } = loss
    if (loss.own) {
      const { targets: width } = spec
      doubles[into] = ownLossOf(loss.own, this.#floats, rows, cols, width, outputs, targets, at.weight + row, dy)
    } else if (loss.takes === 'labels') {
      const positions = spec.targets
      const weights = at.positionWeight + row * positions
      weighPositions(this.#floats, rows, positions, targets, at.weight + row, weights)
      const classes = cols / positions
      doubles[into] = this.#k.loss(code, rows * positions, classes, outputs, targets, weights, dy, parameter, second)
    } else {
      doubles[into] = this.#k.loss(code, rows, cols, outputs, targets, at.weight + row, dy, parameter, second)
    }
    let sum = into + 1
    for (let m = 0; m < metrics.length; m++) {
      const metric = metrics[m]!
      for (let s = 0; s < metric.sums; s++) doubles[sum + s] = 0
      for (let r = 0; r < rows; r++) {
        metric.add(this.#floats, outputs + r * cols, targets + r * spec.targets, cols, spec.targets, doubles, sum)
      }
      sum += metric.sums
    }
  }

  /** Outputs as `predict` gives them: probabilities for the cross-entropies. */
  keep(start: number, row: number, rows: number): void {
    const { at, loss, network, spec } = this.#plan
    const { value, cols } = network.output
    const from = value + row * cols
    const to = at.outputs + start * cols
    const positions = loss.takes === 'labels' ? spec.targets : 1
    if (loss.link === 'softmax') this.#k.softmax(rows * positions, cols / positions, from, to)
    else if (loss.link === 'sigmoid') this.#k.activate(Activation.sigmoid, rows * cols, from, to, 0)
    else this.#k.copy(rows * cols, from, to)
  }
}
