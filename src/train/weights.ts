/** A model's tensors on the host, between runs: values and optimizer state by parameter, in the model's order. */
import { createHash } from 'node:crypto'
import { copyInSlices, inSlices } from '../arena/turns.ts'
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

/** Weights: some hundred microseconds' work. */
const DRAWN_AT_ONCE = 2 ** 12

export async function initialWeights(model: Model, optimizer: OptimizerConfig, seed: number): Promise<Weights> {
  const parameters: Float32Array[] = []
  for (const [stream, spec] of model.parameters.entries()) {
    const values = new Float32Array(sizeOf(spec.shape))
    const valueAt = initialValues(spec, seed, stream, values.length)
    const draw = (start: number, end: number) => {
      for (let i = start; i < end; i++) values[i] = valueAt(i)
    }
    await inSlices(values.length, draw, DRAWN_AT_ONCE)
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
export async function writeWeights(plan: Plan, floats: Float32Array, weights: Weights): Promise<void> {
  const { at, placements } = plan
  const put = (place: number, values: Float32Array) => copyInSlices(floats, place, values)
  for (const [i, placement] of placements.all.entries()) {
    const { offset } = placement
    await put(at.parameters + offset, weights.parameters[i]!)
    const [from, end] = keptOf(plan, placement)
    for (const [s, slot] of at.slots.entries()) {
      await put(slot + offset + from, weights.slots[s]![i]!.subarray(from, end))
    }
    // What nobody updates is nobody's to hand in.
    if (offset < placements.learned) continue
    for (const [s, slot] of at.joined.entries()) await put(slot + offset, weights.slots[s]![i]!)
  }
}

/** Elements [from, end) of a parameter whose state of the optimizer this rank keeps. */
function keptOf({ kept }: Plan, { offset, size }: Placement): [from: number, end: number] {
  const from = Math.min(size, Math.max(0, kept.first - offset))
  return [from, Math.max(from, Math.min(size, kept.end - offset))]
}

/**
 * Copies out of the arena: parameters with the optimizer's state; where that is shared out among ranks all of it on
 * rank 0, on others their part, and zeros, which take no memory.
 * @param into weights of the same model, whose arrays are taken for them
 */
export async function readWeights(plan: Plan, floats: Float32Array, into?: Weights): Promise<Weights> {
  const { parameters, slots, joined } = plan.at
  const kept: Float32Array[][] = []
  for (const [s, slot] of slots.entries()) {
    const whole = joined[s]
    const part = (placement: Placement) => keptOf(plan, placement)
    const arrays = into?.slots[s]
    kept.push(
      await (whole === undefined
        ? readVector(plan, floats, slot, arrays, part)
        : readVector(plan, floats, whole, arrays)),
    )
  }
  return { parameters: await readVector(plan, floats, parameters, into?.parameters), slots: kept }
}

/** Copies of what lies at `at` for each parameter, or of a part of it: the rest of new arrays is zeros. */
export async function readVector(
  plan: Plan,
  floats: Float32Array,
  at: number,
  into?: readonly Float32Array[],
  partOf = ({ size }: Placement): [from: number, end: number] => [0, size],
): Promise<Float32Array[]> {
  const copies: Float32Array[] = []
  for (const [i, placement] of plan.placements.all.entries()) {
    const { offset, size } = placement
    const [from, end] = partOf(placement)
    const values = into?.[i] ?? new Float32Array(size)
    await copyInSlices(values, from, floats.subarray(at + offset + from, at + offset + end))
    copies.push(values)
  }
  return copies
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

/** @returns the weights with these parameters. @throws UserError for an unknown name or a wrong length */
export function setParameters(model: Model, weights: Weights, values: Readonly<Record<string, Float32Array>>): Weights {
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
  // Others in their place: those that were may be on their way into a file.
  const parameters = [...weights.parameters]
  for (const [name, value] of Object.entries(values)) parameters[at(name)] = value.slice()
  return { ...weights, parameters }
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
