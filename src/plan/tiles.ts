/** The pieces of the gradient phase: tiles of the large tensors, and whole tensors over a lane. */
import type { GradientTask, LoweredLayer, ParameterSpec, Tile } from '../model/layer.ts'
import { matrixOf } from '../model/shape.ts'
import { TILE_COLS, TILE_FLOPS, TILE_ROWS } from './constants.ts'
import { placementOf } from './parameters.ts'
import type { Placement, Placements } from './parameters.ts'

/** A parameter's gradient, or a tile of it. */
export interface GradientPiece {
  readonly task: GradientTask
  readonly placement: Placement
  readonly tile: Tile
}

/** @param rows of a full micro-batch of one shard */
export function gradientPieces(
  network: LoweredLayer,
  placements: Placements,
  how: 'tiles' | 'lanes',
  rows: number,
): GradientPiece[] {
  return network.gradients.flatMap((task) => {
    const placement = placementOf(placements, task.parameter)
    if (placement.how !== how) return []
    const { spec } = placement
    const tiles = how === 'tiles' ? tilesOf(spec, task.flopsPerRow, rows) : [wholeOf(spec)]
    return tiles.map((tile) => ({ task, placement, tile }))
  })
}

function wholeOf({ shape }: ParameterSpec): Tile {
  const [rowEnd, colEnd] = matrixOf(shape)
  return { row: 0, rowEnd, col: 0, colEnd }
}

/** Cuts a matrix into tiles of about TILE_FLOPS or of TILE_ROWS x TILE_COLS, whichever is more; a vector stays whole. */
function tilesOf(spec: ParameterSpec, flopsPerRow: number, rows: number): Tile[] {
  if (spec.shape.length === 1 || spec.uncut) return [wholeOf(spec)]
  const [leading, width] = matrixOf(spec.shape)
  const cols = evenly(width, TILE_COLS)
  const flopsPerTileRow = (flopsPerRow * rows * cols) / (leading * width)
  const worthwhile = Math.ceil(TILE_FLOPS / flopsPerTileRow / 8) * 8
  const height = evenly(leading, Math.max(TILE_ROWS, worthwhile))
  const tiles: Tile[] = []
  for (let row = 0; row < leading; row += height) {
    for (let col = 0; col < width; col += cols) {
      tiles.push({ row, rowEnd: Math.min(leading, row + height), col, colEnd: Math.min(width, col + cols) })
    }
  }
  return tiles
}

/** The size, a multiple of 8, of equal parts of `length` that are at most about `most` long. */
function evenly(length: number, most: number): number {
  const parts = Math.max(1, Math.round(length / most))
  return Math.ceil(length / parts / 8) * 8
}
