/** What the public gradient functions accept: one gradient, or a list of them in which a missing one is null. */
import { describe, UserError } from '../errors.ts'

export type Gradient = Float32Array | Float64Array
export type GradientList = Gradient | Iterable<Gradient | null | undefined>

/** A gradient and its place in the caller's list (null entries are counted). */
export interface PlacedGradient {
  readonly position: number
  readonly data: Gradient
}

/**
 * The gradients of a list, each once: a buffer that is listed twice (tied weights) is one gradient.
 * Throws `UserError` for anything that is not a gradient, and for two that overlap without being the same.
 */
export function distinctGradients(list: GradientList): PlacedGradient[] {
  const entries = isGradient(list) ? [list] : list
  const distinct: PlacedGradient[] = []
  const byBuffer = new Map<ArrayBufferLike, PlacedGradient[]>()
  let position = -1
  for (const data of entries) {
    position++
    if (data === null || data === undefined) continue
    if (!isGradient(data)) {
      throw new UserError(
        `Expected gradient ${position} to be a Float32Array, Float64Array or null, got ${describe(data)}.`,
      )
    }
    const placed = { position, data }
    const neighbours = byBuffer.get(data.buffer)
    const twin = neighbours?.find((other) => overlaps(other.data, data))
    if (twin === undefined) {
      distinct.push(placed)
      if (neighbours === undefined) byBuffer.set(data.buffer, [placed])
      else neighbours.push(placed)
    } else if (!sameView(twin.data, data)) {
      throw new UserError(
        `Expected gradients to be apart or the same, got gradients ${twin.position} and ${position}, ` +
          `which share a part of one buffer. Pass views that do not overlap.`,
      )
    }
  }
  return distinct
}

function isGradient(value: unknown): value is Gradient {
  return value instanceof Float32Array || value instanceof Float64Array
}

function overlaps(a: Gradient, b: Gradient): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
}

function sameView(a: Gradient, b: Gradient): boolean {
  return a.byteOffset === b.byteOffset && a.length === b.length && a.constructor === b.constructor
}
