/**
 * What a layer is to the rest of the program. A layer file exports one function from its config to a `Layer`.
 *
 * A layer is lowered twice removed from data: shapes and parameters first (`Layer`), then, once the plan has
 * placed the parameters, into a rows program and gradient tasks over arena pointers (`LoweredLayer`).
 * Layers work on row blocks: rows [row, row + rows) of the micro-batch, and never look at another row.
 */
import type { ActivationCode, Kernels, Pointer, Window } from '../kernels/kernels.ts'
import type { ActivationConfig, ConstraintConfig, InitializerConfig, RegularizerConfig } from './config.ts'
import type { Shape } from './shape.ts'

export interface ParameterSpec {
  /** Unique in the model: `dense_1/kernel`. */
  readonly name: string
  /** Row-major; a dense kernel is [inputs, units]. */
  readonly shape: readonly number[]
  readonly initializer: InitializerConfig
  readonly fanIn: number
  readonly fanOut: number
  readonly regularizer?: RegularizerConfig | undefined
  readonly constraint?: ConstraintConfig | undefined
  /** The image whose cells and channels its first axis goes through: behind `flatten`. Others put channels first there. */
  readonly flattened?: readonly number[] | undefined
  /** Its gradient is never cut into tiles. */
  readonly uncut?: boolean
  /** Not learned by gradient: a `statistic` follows what its layer saw, in accepted steps; `frozen` stays as it is. */
  readonly role?: 'statistic' | 'frozen'
}

/** A tensor of [rows of the micro-batch, cols] on its way through the network. */
export interface Flow {
  readonly value: Pointer
  /** Where the back-signal d loss / d value goes; -1 where nobody needs it (the network's input). */
  readonly gradient: Pointer | -1
  readonly cols: number
  /** Numbers of the last axis, where a row is several vectors of them. */
  readonly channels?: number | undefined
  /** Whether the next layer may write its output over `value` (nobody reads it again). */
  readonly overwritable: boolean
  /** Whether the layer that gives it writes over `gradient` on the way back. */
  readonly spendsSignal?: boolean
}

/** What a piece tells the layers beside its rows. One mutable object per worker: nothing is allocated per piece. */
export interface Pass {
  training: boolean
  seed: number
  /** Number of the batch since the start of the run: part of the dropout counter. */
  batch: number
  /** Position inside the batch of the micro-batch's first row. */
  firstRow: number
  /** Rows of the micro-batch, of all ranks; of a shard of it, and of a row block (all but the last of each). */
  rows: number
  shardRows: number
  blockRows: number
  /** The shard that the arena's rows begin with. */
  firstShard: number
  /** The worker's own elements: as many as the greediest layer asked for. What is there is anybody's. */
  temporary: Pointer
  /** All of the memory: for layers that no kernel knows. */
  floats: Float32Array | Float64Array
  /** Where nothing is computed, but the plan looks which tensors a layer uses: told of those that no kernel is. */
  readonly look?: (...used: Pointer[]) => void
}

/** A part of a parameter seen as a matrix (`matrixOf`): rows [row, rowEnd) and columns [col, colEnd). */
export interface Tile {
  readonly row: number
  readonly rowEnd: number
  readonly col: number
  readonly colEnd: number
}

/** The gradient of one parameter, computable over any rows of the batch and, for a matrix, any tile of it. */
export interface GradientTask {
  readonly parameter: string
  readonly flopsPerRow: number
  /**
   * Writes (or continues, with `accumulate`) a tile of the full tensor that starts at `into`, from rows
   * [row, row + rows) of the micro-batch. Vectors are never cut: they ignore the tile.
   */
  run(k: Kernels, row: number, rows: number, tile: Tile, into: Pointer, accumulate: boolean, pass: Pass): void
}

/** A rows program that can also be cut by columns: what a large layer's phases are made of. */
export interface ByTile {
  /** A `product` reads whole rows; an `elementwise` step only its own tile, and can follow a product in its piece. */
  readonly kind: 'product' | 'elementwise'
  readonly inputs: number
  readonly outputs: number
  /** Rows [row, row + rows) and columns [col, colEnd) of the output. */
  forward(k: Kernels, row: number, rows: number, col: number, colEnd: number): void
  /** Rows [row, row + rows) and columns [col, colEnd) of d loss / d input. */
  backward(k: Kernels, row: number, rows: number, col: number, colEnd: number): void
}

export interface LoweredLayer {
  readonly output: Flow
  readonly gradients: readonly GradientTask[]
  /** Of the forward pass, and of the backward pass to the inputs. */
  readonly flopsPerRow: number
  readonly backwardFlopsPerRow: number
  forward(k: Kernels, row: number, rows: number, pass: Pass): void
  readonly byTile?: ByTile
  /** Between all row blocks of the part before and those of this one; and on the way back, between this one's and those. */
  readonly barrier?: Barrier
  /** Which activation, where this is one. */
  readonly activation?: ActivationCode
  /** The layers this one is a sequence of. */
  readonly parts?: readonly LoweredLayer[]
  /** Name of the layer that this is a part of. */
  readonly layer?: string
  /** From d loss / d output to d loss / d input, where the input wants it. */
  backward(k: Kernels, row: number, rows: number, pass: Pass): void
}

export interface Barrier {
  readonly forward: Meeting
  readonly backward: Meeting
}

/** What is summed over the whole batch before anybody goes on: of each shard by the rank that has it, then of all of them. */
export interface Meeting {
  /** What a shard's sum is: float32 rooms `perShard`, which ranks give one another before `join`. */
  readonly rooms: readonly Room[]
  /** Sums the row blocks of a shard of this rank. */
  sum(k: Kernels, shard: number, pass: Pass): void
  /** Sums the shards, in their order; every rank does. */
  join(k: Kernels, pass: Pass): void
}

export interface Room {
  readonly at: Pointer
  readonly elements: number
}

/** What the plan offers a layer that is being lowered. */
export interface Lowering {
  /** Room for one tensor of [micro-batch rows, cols]. */
  tensor(cols: number): Pointer
  /** The same for a back-signal; -1 in a plan that does not train. */
  backSignal(cols: number): Pointer | -1
  parameter(name: string): Pointer
  /** Where a statistic's next value goes, which an accepted step makes its value. */
  next(name: string): Pointer
  /** Room for so many elements, one after another, for each row block; for each shard, those of other ranks too; once for all. */
  perBlock(elements: number): Pointer
  perShard(elements: number): Pointer
  once(elements: number): Pointer
  /** Elements that `Pass.temporary` must have. */
  temporary(elements: number): void
  /** A number of its own for each layer that draws random numbers. */
  stream(): number
}

export interface Ending {
  readonly activation: ActivationConfig
  before(input: Flow, to: Lowering): LoweredLayer
}

export interface Layer {
  readonly name: string
  readonly type: string
  /** Numbers of a row, in and out. */
  readonly inputs: number
  readonly outputs: number
  /** Of a row of the output, channels last. */
  readonly shape: Shape
  readonly parameters: readonly ParameterSpec[]
  readonly children?: readonly Wired[]
  /** The layer whose weights it has, as it would be here: where it has none of its own. */
  readonly shares?: Layer
  lower(input: Flow, to: Lowering): LoweredLayer
  /** With the largest of 2 x 2 cells, that tile its image, as its output of `width` cells a line: where both are one pass. */
  lowerPooled?(input: Flow, width: number, to: Lowering): LoweredLayer
  /** Lowered without the activation that it ends in, and that. */
  readonly ending?: Ending | undefined
  /** Where it takes the largest of windows. */
  readonly largestOf?: Window
  /** Where it takes several inputs. */
  lowerMany?(inputs: readonly Flow[], to: Lowering): LoweredLayer
}

/** A layer in its place among others. */
export interface Wired extends Layer {
  /** What it takes: layer i of the list, or input -1 - i of all of them. */
  readonly from: readonly number[]
}

export const nothing = (): void => {}
