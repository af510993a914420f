/**
 * Layers and losses of the user's own before the first step: a gradient that is far from a few differences of their own
 * results along drawn directions is told. It is the arithmetic of `check-gradients`, which looks at single elements, and so
 * sees less; what throws at drawn rows, or gives other results each time, is not judged.
 */
import { UserError } from '../errors.ts'
import { sayVerdict, signalOf } from '../gradient/advice.ts'
import { unknownHarm } from '../gradient/verdict.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Model } from '../model/build.ts'
import type { LossConfig } from '../model/config.ts'
import type { Layer } from '../model/layer.ts'
import { lossRule } from '../model/losses.ts'
import { sizeOf } from '../model/shape.ts'
import { normalAt } from '../random/normal.ts'
import { atWork, drawnRow, ownLayers, ROWS } from './check-gradients.ts'

/** A layer of more elements, weights and drawn rows together, would take too long before a training. */
const MOST = 2 ** 18
/** Along one direction, chance or a kink may make little or much of it. */
const DIRECTIONS = 3
/** So long that numbers which a layer keeps in float32 do not matter. */
const STEP = 1e-4
/** Of the gradient's norm. */
const WRONG = 0.02

export function judgeOwn(model: Model, loss: LossConfig, targets: number): HealthVerdict[] {
  const raise = (layer: string | undefined, { of, error }: Wrong): HealthVerdict =>
    sayVerdict({
      ...{ code: 'OWN_GRADIENT', severity: 'warn', step: -1, layer, harm: unknownHarm },
      evidence: {
        signal: of === 'rows' ? signalOf('OWN_GRADIENT') : `${signalOf('OWN_GRADIENT', 1)} ${of}`,
        ...{ value: error, baseline: 0, threshold: WRONG, window: ROWS },
      },
    })
  const layers = ownLayers(model.layers).flatMap((layer) => {
    const wrong = ofLayer(layer)
    return wrong ? [raise(layer.name, wrong)] : []
  })
  const wrong = loss.type === 'custom' && ofLoss(loss, model.outputs, targets)
  return wrong ? [...layers, raise(undefined, wrong)] : layers
}

interface Wrong {
  /** `input`, a parameter, `outputs`; `rows` where a row's result depends on other rows. */
  readonly of: string
  readonly error: number
}

function ofLayer(layer: Layer): Wrong | undefined {
  const weights = layer.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  if (2 * (ROWS * (layer.inputs + layer.outputs) + weights) > MOST) return undefined
  return unlessItThrows(() => {
    const { floats, value, rows, tensors } = atWork(layer)
    if (value() !== value()) return undefined
    const pairs = rows()
    const [apart, scale] = [norm(pairs.map(([alone, together]) => alone - together)), norm(pairs.map(([, y]) => y))]
    if (apart > WRONG * scale) return { of: 'rows', error: apart / scale }
    for (const [i, { of, at, gradient, count }] of tensors.entries()) {
      const error = errorOf(floats.subarray(at, at + count), floats.slice(gradient, gradient + count), value, i)
      if (error > WRONG) return { of, error }
    }
    return undefined
  })
}

function ofLoss(config: LossConfig, outputs: number, targets: number): Wrong | undefined {
  if (2 * (outputs + targets) > MOST) return undefined
  return unlessItThrows(() => {
    const { own } = lossRule(config)
    const { output, target } = drawnRow(outputs, targets)
    const gradient = new Float64Array(outputs)
    const value = () => own!(output, target, gradient)
    if (value() !== value()) return undefined
    const error = errorOf(output, gradient.slice(), value, 0)
    return error > WRONG ? { of: 'outputs', error } : undefined
  })
}

/** Its functions were made for rows of the data: they may refuse others. */
function unlessItThrows<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

/** Distance of gradient and difference as a share of the larger one, the median over the directions; NaN: not known. */
function errorOf(point: Float64Array, gradient: Float64Array, value: () => number, stream: number): number {
  const old = point.slice()
  const size = norm(gradient)
  const errors = Array.from({ length: DIRECTIONS }, (_, d) => {
    const direction = old.map((_, i) => normalAt(2, DIRECTIONS * stream + d, i))
    const at = (step: number): number => {
      for (let i = 0; i < old.length; i++) point[i] = old[i]! + step * direction[i]!
      return value()
    }
    const expected = (at(STEP) - at(-STEP)) / (2 * STEP)
    const found = direction.reduce((sum, v, i) => sum + v * gradient[i]!, 0)
    return Math.abs(found - expected) / Math.max(size, Math.abs(expected))
  })
  point.set(old)
  return errors.sort((a, b) => a - b)[DIRECTIONS >> 1]!
}

const norm = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2
  return Math.sqrt(sum)
}
