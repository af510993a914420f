/**
 * A look inside: the network's layers one by one on a calibration batch, forward only, as in evaluation (no dropout).
 * Runs on the calling thread, layer by layer, and lets the event loop breathe in between. With the run's own kernels it
 * gives the run's own bits.
 */
import { setImmediate } from 'node:timers/promises'
import { createArena } from '../arena/arena.ts'
import { Layout } from '../arena/layout.ts'
import { createKernels } from '../kernels/select.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { scratchElements } from '../kernels/wasm.ts'
import { buildLayers, sizeOf } from '../model/build.ts'
import type { LayerConfig } from '../model/config.ts'
import type { Shape } from '../model/shape.ts'
import type { Flow, Layer, Pass } from '../model/layer.ts'
import type { Patient } from './patient.ts'
import { discharge } from './patient.ts'

/** What one layer made of the calibration batch. A dense layer's output is told before its activation. */
export interface Seen {
  /** Full name. A dense layer's activation is seen under `<name>:activation`. */
  readonly path: string
  readonly type: string
  readonly inputs: number
  readonly outputs: number
  /** Rows x inputs, rows x outputs. */
  readonly input: Float32Array
  readonly output: Float32Array
}

export interface Calibration {
  readonly rows: number
  readonly x: Float32Array
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
}

/** Told of a layer's output, before its activation: the factor that its weights, and so its output, shall have. */
export type Adjust = (seen: Seen) => number

export interface Look {
  readonly rows: number
  readonly layers: readonly Seen[]
  readonly output: Float32Array
}

const ACTIVATION = ':activation'
export const activationPath = (path: string): string => path + ACTIVATION

export async function lookInside(
  patient: Patient,
  { rows, x, kernels, module }: Calibration,
  adjust?: Adjust,
): Promise<Look> {
  const { model, weights } = discharge(patient)
  const values = new Map(model.parameters.map(({ name }, i) => [name, weights.parameters[i]!]))
  const seen: Seen[] = []

  const run = async (layer: Layer, input: Float32Array): Promise<Float32Array> => {
    await setImmediate()
    const layout = new Layout()
    const parameters = new Map(layer.parameters.map((p) => [p.name, layout.add('p', 'float32', sizeOf(p.shape))]))
    const flow: Flow = {
      value: layout.add('x', 'float32', rows * layer.inputs),
      gradient: -1,
      cols: layer.inputs,
      overwritable: false,
    }
    let stream = 0
    let temporaries = 0
    const lowered = layer.lower(flow, {
      tensor: (cols) => layout.add('activations', 'float32', rows * cols),
      backSignal: () => -1,
      parameter: (name) => parameters.get(name)!,
      // Nothing is learned: statistics are used, and not followed.
      next: () => -1,
      perBlock: () => -1,
      perShard: () => -1,
      once: () => -1,
      temporary: (elements) => (temporaries = Math.max(temporaries, elements)),
      stream: () => stream++,
    })
    const scratch = layout.add('scratch', 'float32', scratchElements)
    const temporary = layout.add('scratch', 'float32', temporaries)
    const arena = createArena(layout)
    for (const [name, at] of parameters) arena.floats.set(values.get(name)!, at)
    arena.floats.set(input, flow.value)
    const pass: Pass = {
      training: false,
      seed: 0,
      batch: 0,
      firstRow: 0,
      rows,
      shardRows: rows,
      blockRows: rows,
      firstShard: 0,
      temporary,
      floats: arena.floats,
    }
    lowered.forward(createKernels(kernels, module, arena.memory, scratch), 0, rows, pass)
    const { value, cols } = lowered.output
    return arena.floats.slice(value, value + rows * cols)
  }

  const walk = async (configs: readonly LayerConfig[], input: Float32Array, from: Shape, prefix: string) => {
    let flow = input
    let shape = from
    for (const config of configs) {
      const children = 'layers' in config ? config.layers : undefined
      // What a container holds is seen from the inside first; what it gives comes from itself.
      if (children) await walk(children, flow, shape, `${prefix}${config.name!}/`)
      for (const part of split(config)) {
        const [layer] = buildLayers([part], shape, prefix)
        const output = await run(layer!, flow)
        const { name: path, type, inputs, outputs } = layer!
        const one: Seen = { path, type, inputs, outputs, input: flow, output }
        const factor = adjust?.(one) ?? 1
        seen.push(one)
        flow = factor === 1 ? output : output.map((y) => y * factor)
        shape = layer!.shape
      }
    }
    return flow
  }
  const output = await walk(patient.model.layers, x.subarray(0, rows * patient.inputs), model.inputShape, '')
  return { rows, layers: seen, output }
}

/** A dense layer as its product and its activation. */
function split(config: LayerConfig): LayerConfig[] {
  if (config.type !== 'dense' || !config.activation || config.activation.type === 'linear') return [config]
  const { activation, ...linear } = config
  return [linear, { type: 'activation', name: `${config.name!}${ACTIVATION}`, activation }]
}
