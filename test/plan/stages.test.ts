import { describe, expect, it } from 'vitest'
import type { LayerConfig } from '../../src/model/config.ts'
import { stageTile } from '../../src/plan/constants.ts'
import { pieces } from '../../src/plan/pieces.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { base } from './specs.ts'

/** 2 x 260 x 260 x 140 rows = 18.9 MFLOP: large. 2 x 260 x 4 x 140: not. */
const BATCH = 140
const wide: LayerConfig = { type: 'dense', units: 260, activation: { type: 'relu' } }
const narrow: LayerConfig = { type: 'dense', units: 4 }
const dropout: LayerConfig = { type: 'dropout', rate: 0.5 }

const stagesOf = (layers: LayerConfig[]) => {
  const spec = { ...base, inputs: 260, model: { layers }, batchSize: BATCH, accumulationSteps: 1 }
  const plan = compilePlan(spec)
  const words = plan.stages.map((stage) =>
    stage.kind === 'tile'
      ? `${stage.direction} + ${stage.riders.length}`
      : [
          'block',
          stage.gather && 'gather',
          stage.forward.length > 0 && `forward ${stage.forward.length}`,
          stage.loss && 'loss',
          stage.backward.length > 0 && `backward ${stage.backward.length}`,
        ]
          .filter(Boolean)
          .join(' '),
  )
  return { plan, words }
}

describe('the phases of the rows part', () => {
  it('are one for a small network: row blocks all the way forward, and back as far as somebody wants to know', () => {
    expect(stagesOf([narrow, dropout, narrow]).words).toEqual(['block gather forward 3 loss backward 2'])
  })

  it('give a large layer one each way, its activation riding along; none back where nobody needs it', () => {
    // dense_1 and its relu, dense_2 and its relu, dense_3 | back: dense_3 and relu_2, dense_2 and relu_1.
    expect(stagesOf([wide, wide, narrow]).words).toEqual([
      'block gather',
      'forward + 1',
      'forward + 1',
      'block forward 1 loss backward 2',
      'backward + 1',
    ])
  })

  it('put what needs whole rows between them in row blocks', () => {
    expect(stagesOf([wide, dropout, wide]).words).toEqual([
      'block gather',
      'forward + 1',
      'block forward 1',
      'forward + 1',
      'block loss backward 1',
      'backward + 0',
      'block backward 2',
    ])
  })

  it('have tiles of up to 256 rows, as wide as leaves one for each of many workers, and work worth claiming', () => {
    const { plan } = stagesOf([wide, narrow])
    expect(pieces.stage(plan, 1, BATCH)).toBe(5)
    expect(stageTile(512, 2048, 1024)).toEqual({ tileRows: 256, tileCols: 64 })
    expect(stageTile(1024, 2048, 1024)).toEqual({ tileRows: 256, tileCols: 128 })
    expect(stageTile(4096, 4096, 1024)).toEqual({ tileRows: 256, tileCols: 256 })
    // 2 x 256 x 2048 terms x 32 columns = 34 MFLOP; of 32 rows 4.
    expect(stageTile(512, 1000, 2048)).toEqual({ tileRows: 256, tileCols: 32 })
    expect(stageTile(32, 100, 2048)).toEqual({ tileRows: 256, tileCols: 64 })
  })

  it('cut a loss that is a phase of its own into blocks of about 8192 outputs', () => {
    const loss = (units: number) =>
      stagesOf([wide, { type: 'dense', units }]).plan.stages.find((stage) => stage.kind === 'block' && stage.loss)
    expect(loss(260)).toMatchObject({ blockRows: 24, forward: [], backward: [] })
    expect(loss(1000)).toMatchObject({ blockRows: 8 })
    expect(loss(4)).toMatchObject({ blockRows: stagesOf([wide, narrow]).plan.blockRows, forward: [{}] })
  })
})
