import { describe, expect, it } from 'vitest'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { createReference } from '../../src/kernels/reference.ts'
import { dividedProducts, shardPieces, tilesAbove, tilesAcross } from '../../src/plan/stages.ts'
import type { TileStage } from '../../src/plan/stages.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { divides } from '../../src/train/division.ts'
import { base } from '../plan/specs.ts'

const product = { rows: 7, cols: 20, terms: 33, part: 8, transposed: false }
const referenceOn = (memory: WebAssembly.Memory): Kernels => createReference(new Float32Array(memory.buffer))

/** Adds the second half of the terms of wide products first, as a library may that has a loop of its own for them. */
function wideInHalves(memory: WebAssembly.Memory): Kernels {
  const reference = referenceOn(memory)
  return {
    ...reference,
    matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) {
      const half = n > product.part ? k >> 1 : 0
      const rest = transB ? b + half : b + half * ldb
      reference.matmul(transA, transB, m, n, k - half, a + half, lda, rest, ldb, c, ldc, accumulate)
      if (half > 0) reference.matmul(transA, transB, m, n, half, a, lda, b, ldb, c, ldc, true)
    },
  }
}

describe('a product may be divided', () => {
  it.each([false, true])('where each element is summed by itself (transposed: %s)', (transposed) => {
    expect(divides({ ...product, transposed }, referenceOn)).toBe(true)
  })

  it('and not where wide ones are summed in another order', () => {
    expect(divides(product, wideInHalves)).toBe(false)
    // 8 and 8 columns are what it does in one loop.
    expect(divides({ ...product, cols: 8 }, wideInHalves)).toBe(true)
  })
})

describe('tiles of divisible products', () => {
  const layers = [{ type: 'dense', units: 1000 } as const, { type: 'dense', units: 4 } as const]
  const plan = (workers: number, divisible = true) =>
    compilePlan({
      ...{ ...base, inputs: 300, model: { layers }, accumulationSteps: 1 },
      ...{ batchSize: 300, workers, divisible },
    })
  const stage = (workers: number, divisible = true) => plan(workers, divisible).stages[1] as TileStage

  it('are as wide as leaves each worker two, 256 columns at the most, and those of the plan where there are many workers', () => {
    expect([1, 2, 4, 5, 8, 9, 64].map((workers) => stage(workers).wideCols)).toEqual([256, 256, 256, 128, 128, 64, 64])
    expect(stage(1, false).wideCols).toBe(64)
  })

  it('cover every row and column of a shard once, however many rows it has', () => {
    for (const workers of [1, 5, 9]) {
      const one = stage(workers)
      for (const rows of [1, 255, 256, 257, 300]) {
        const seen = new Set<string>()
        for (let tile = 0; tile < shardPieces(one, rows); tile++) {
          const above = tilesAbove(one, tile, rows)
          const isFull = rows - above * one.tileRows >= one.tileRows
          const col = tile - above * tilesAcross(one, true)
          expect(col).toBeLessThan(tilesAcross(one, isFull))
          seen.add(`${above} ${col}`)
        }
        expect(seen.size).toBe(shardPieces(one, rows))
        const whole = Math.floor(rows / 256) * Math.ceil(1000 / one.wideCols)
        expect(seen.size).toBe(whole + (rows % 256 ? Math.ceil(1000 / 64) : 0))
      }
    }
  })

  it("are tried in every width that is not the plan's: the usual one, and the last one of a row", () => {
    expect(dividedProducts(plan(1).stages)).toEqual([
      { rows: 256, cols: 256, terms: 300, part: 64, transposed: false },
      { rows: 256, cols: 232, terms: 300, part: 64, transposed: false },
    ])
    expect(dividedProducts(plan(64).stages)).toEqual([])
  })
})
