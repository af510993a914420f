/**
 * Where a foreign graph begins: its inputs, or what they are cut into, and the rows' scale. Several are one row of ours,
 * one after the other.
 */
import { UserError } from '../../errors.ts'
import type { InputScale } from '../../model/config.ts'
import type { Port } from '../../model/graph.ts'
import type { Graph } from './graph.ts'
import { valuesOf } from './net.ts'
import type { Net } from './net.ts'
import type { Place } from './place.ts'

export interface Entry {
  readonly ports: readonly Port[]
  readonly scale: InputScale | undefined
  readonly places: ReadonlyMap<string, Place>
}

export function entryOf({ inputs }: Graph, net: Net): Entry {
  const ports: Port[] = []
  const places = new Map<string, Place>()
  const only = inputs.length === 1 ? inputs[0] : undefined
  const scaled = only && scaleOf(only, net)
  const cuts = only && cutsOf(scaled?.tensor ?? only.name, only.shape, net)
  if (cuts) {
    cuts.forEach(({ tensors, length }, i) => {
      const name = `input_${i + 1}`
      ports.push({ name, shape: [length] })
      for (const tensor of tensors) places.set(tensor, { from: name, shape: [length], first: false })
    })
    return { ports, scale: scaled?.scale, places }
  }
  for (const { name, shape: there } of inputs) {
    if (there.length === 0 || there.some((n) => !(n >= 1)))
      throw new UserError(
        `input \`${name}\`: expected axes of known lengths behind the first, got [${there.join(', ')}]`,
      )
    const tensor = scaled?.tensor ?? name
    const first = net.convolvesFirst(tensor)
    const shape = first ? [...there.slice(1), there[0]!] : there
    ports.push({ name, shape })
    places.set(tensor, { from: name, shape, first })
  }
  return { ports, scale: scaled?.scale, places }
}

/** (x - mean) / deviation, a number of each for every number of a row. */
function scaleOf({ name, shape }: Port, net: Net): { scale: InputScale; tensor: string } | undefined {
  const part = (tensor: string, op: string) => {
    const [node, ...more] = net.readersOf(tensor)
    const constant = net.constant(node?.inputs[1])
    const fits = node?.op === op && node.inputs[0] === tensor && constant?.shape.join() === shape.join()
    return fits && more.length === 0 ? { tensor: node.outputs[0]!, values: Array.from(valuesOf(constant)) } : undefined
  }
  const centred = part(name, 'Sub')
  const divided = centred && part(centred.tensor, 'Div')
  return divided && { scale: { mean: centred.values, deviation: divided.values }, tensor: divided.tensor }
}

interface Cut {
  readonly tensors: string[]
  readonly start: number
  readonly length: number
}

/** A row that is read in pieces alone, which lie end to end. */
function cutsOf(tensor: string, shape: readonly number[], net: Net): Cut[] | undefined {
  const readers = net.readersOf(tensor)
  const cuts = new Map<string, Cut>()
  for (const { op, inputs, outputs } of readers) {
    const [start, end, axis] = [1, 2, 3].map((input) => net.scalar(inputs[input]))
    const isPlain = op === 'Slice' && axis === 1 && inputs.length === 4 && start !== undefined && end !== undefined
    if (!isPlain || shape.length !== 1) return undefined
    const key = `${start}:${end}`
    const known = cuts.get(key)
    if (known) known.tensors.push(outputs[0]!)
    else cuts.set(key, { tensors: [outputs[0]!], start, length: end - start })
  }
  const list = [...cuts.values()].sort((a, b) => a.start - b.start)
  let at = 0
  for (const { start, length } of list) {
    if (start !== at || !(length >= 1)) return undefined
    at += length
  }
  return list.length > 1 && at === shape[0] ? list : undefined
}
