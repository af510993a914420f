/** A model's tensors on the host, between runs: values and optimizer state by parameter, in the model's order. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { describe, UserError } from '../errors.ts'
import { sizeOf } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { initialValues } from '../model/initializers.ts'
import { initialState } from '../optim/optimizers.ts'
import type { OptimizerConfig } from '../optim/optimizers.ts'
import type { Placement } from '../plan/parameters.ts'
import type { Plan } from '../plan/plan.ts'

export interface Weights {
  readonly parameters: readonly Float32Array[]
  /** State vectors of the optimizer: [slot][parameter]. */
  readonly slots: readonly (readonly Float32Array[])[]
}

/** Some millisecond's work: for no longer at a time does the host wait for weights to be drawn. */
const DRAWN_AT_ONCE = 2 ** 14

export async function initialWeights(model: Model, optimizer: OptimizerConfig, seed: number): Promise<Weights> {
  const parameters: Float32Array[] = []
  for (const [stream, spec] of model.parameters.entries()) {
    const values = new Float32Array(sizeOf(spec.shape))
    const valueAt = initialValues(spec, seed, stream, values.length)
    for (let start = 0; start < values.length; start += DRAWN_AT_ONCE) {
      const end = Math.min(values.length, start + DRAWN_AT_ONCE)
      for (let i = start; i < end; i++) values[i] = valueAt(i)
      await setImmediate()
    }
    parameters.push(values)
  }
  return { parameters, slots: freshSlots(parameters, optimizer) }
}

export function freshSlots(parameters: readonly Float32Array[], optimizer: OptimizerConfig): Float32Array[][] {
  // Zeros that nobody writes take no memory.
  const filled = (length: number, value: number) =>
    value === 0 ? new Float32Array(length) : new Float32Array(length).fill(value)
  return initialState(optimizer).map((value) => parameters.map(({ length }) => filled(length, value)))
}

/** Into the arena; padding between tensors stays zero. */
export function writeWeights(plan: Plan, floats: Float32Array, weights: Weights): void {
  const { at, placements } = plan
  placements.all.forEach((placement, i) => {
    const { offset } = placement
    floats.set(weights.parameters[i]!, at.parameters + offset)
    const [from, end] = keptOf(plan, placement)
    at.slots.forEach((slot, s) => floats.set(weights.slots[s]![i]!.subarray(from, end), slot + offset + from))
    // What nobody updates is nobody's to hand in.
    if (offset >= placements.learned) at.joined.forEach((slot, s) => floats.set(weights.slots[s]![i]!, slot + offset))
  })
}

/** Elements [from, end) of a parameter whose state of the optimizer this rank keeps. */
function keptOf({ kept }: Plan, { offset, size }: Placement): [from: number, end: number] {
  const from = Math.min(size, Math.max(0, kept.first - offset))
  return [from, Math.max(from, Math.min(size, kept.end - offset))]
}

/**
 * Copies out of the arena: parameters from `at` (the current or the best ones), with the optimizer's state; where that is
 * shared out among ranks all of it on rank 0, on others their part, and zeros, which take no memory.
 */
export function readWeights(plan: Plan, floats: Float32Array, at: number): Weights {
  const read = (base: number) =>
    plan.placements.all.map(({ offset, size }) => floats.slice(base + offset, base + offset + size))
  const readKept = (slot: number) =>
    plan.placements.all.map((placement) => {
      const { offset, size } = placement
      const [from, end] = keptOf(plan, placement)
      const values = new Float32Array(size)
      values.set(floats.subarray(slot + offset + from, slot + offset + end), from)
      return values
    })
  const { slots, joined } = plan.at
  return { parameters: read(at), slots: slots.map((slot, s) => (s in joined ? read(joined[s]!) : readKept(slot))) }
}

/** SHA-256 (hex) over names, shapes and values of all parameters, in the model's order. */
export function hashWeights(model: Model, weights: Weights): string {
  const hash = createHash('sha256')
  model.parameters.forEach((spec, i) => {
    const values = weights.parameters[i]!
    hash.update(`${spec.name}[${spec.shape.join(',')}]`)
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  })
  return hash.digest('hex')
}

/** @throws UserError for an unknown name or a wrong length; then nothing is changed */
export function setParameters(model: Model, weights: Weights, values: Readonly<Record<string, Float32Array>>): void {
  if (typeof values !== 'object' || (values as unknown) === null) {
    throw new UserError(`Expected weights by the names of their parameters, got ${describe(values)}.`)
  }
  const at = (name: string) => model.parameters.findIndex((spec) => spec.name === name)
  for (const [name, value] of Object.entries(values)) {
    const expected = weights.parameters[at(name)]?.length
    if (expected === undefined) {
      const names = model.parameters.map((spec) => spec.name).join(', ')
      throw new UserError(`Expected one of the parameters ${names}, got \`${name}\`.`)
    }
    if (value.length !== expected) {
      throw new UserError(`Expected ${expected} values for \`${name}\`, got ${value.length}.`)
    }
  }
  for (const [name, value] of Object.entries(values)) weights.parameters[at(name)]!.set(value)
}

/** @throws UserError naming the first tensor that does not fit */
export function checkWeights(model: Model, names: readonly string[], weights: Weights, where: string): void {
  const expected = model.parameters.map((spec) => spec.name)
  const stranger = expected.find((name, i) => names[i] !== name) ?? names[expected.length]
  if (stranger !== undefined) {
    throw new UserError(
      `${where}: expected the parameters ${expected.join(', ')}, got ${names.join(', ')}. ` +
        'The file is of another model: use the config it was trained with.',
    )
  }
  model.parameters.forEach((spec, i) => {
    const length = weights.parameters[i]!.length
    if (length !== sizeOf(spec.shape)) {
      throw new UserError(
        `${where}: expected \`${spec.name}\` of shape [${spec.shape.join(', ')}], got ${length} values. ` +
          'The file is of another model: use the config it was trained with.',
      )
    }
  })
}
