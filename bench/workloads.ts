/** The workloads that steps are compared on: network, batch and data. */
import { loadConfigFile } from '../src/config/file.ts'
import type { Config } from '../src/config/schema.ts'
import { parseConfig } from '../src/config/schema.ts'
import { loadData } from '../src/data/load.ts'
import type { Dataset } from '../src/data/dataset.ts'
import { UserError, suggest } from '../src/errors.ts'
import { uniformAt } from '../src/random/normal.ts'

export interface Workload {
  readonly name: string
  readonly config: Config
  readonly data: Dataset
}

interface Preset {
  readonly batchSize: number
  readonly model: NonNullable<Config['model']>
  readonly data: (rows: number) => Dataset
  /** A chain of dense layers with ReLU between: what every peer can run. Widths from the input on. */
  readonly widths?: readonly number[]
}

function dense(batchSize: number, ...widths: number[]): Preset {
  const units = widths.slice(1)
  const layers = units.map((width, i) => ({
    type: 'dense' as const,
    units: width,
    ...(i < units.length - 1 ? { activation: 'relu' as const } : {}),
  }))
  return { batchSize, widths, model: { layers }, data: (rows) => generated(rows, widths[0]!, widths.at(-1)!) }
}

const convolution = (filters: number) =>
  [
    { type: 'conv2d', filters, kernelSize: 3, padding: 'same' },
    { type: 'batchNorm' },
    { type: 'activation', activation: 'relu' },
    { type: 'maxPooling2d' },
  ] as const

/** Characters known; every one of a line is followed by its target. */
const CHARACTERS = 96
const WIDTH = 128

const presets: Record<string, Preset> = {
  'mlp-small': dense(32, 64, 32, 10),
  'mlp-mnist': dense(64, 784, 128, 10),
  'mlp-mid': dense(128, 784, 512, 256, 10),
  'mlp-big': dense(512, 1024, 2048, 2048, 1000),
  'mlp-deep': dense(128, 64, ...Array<number>(30).fill(64), 10),
  'cnn-mnist': {
    batchSize: 64,
    model: {
      inputShape: [28, 28, 1],
      layers: [
        ...convolution(16),
        ...convolution(32),
        { type: 'flatten' },
        { type: 'dense', units: 128, activation: 'relu' },
        { type: 'dense', units: 10 },
      ],
    },
    data: (rows) => generated(rows, 784, 10),
  },
  'char-transformer': {
    batchSize: 32,
    model: {
      inputShape: [128],
      layers: [
        { type: 'embedding', inputDim: CHARACTERS, outputDim: WIDTH },
        { type: 'positionEmbedding' },
        ...Array.from({ length: 4 }, () => ({ type: 'transformerBlock' as const, numHeads: 4, causal: true })),
        { type: 'layerNorm' },
        { type: 'dense', units: CHARACTERS },
      ],
    },
    data: (rows) => characters(rows, 128),
  },
  'char-lstm': {
    batchSize: 32,
    model: {
      inputShape: [64],
      layers: [
        { type: 'embedding', inputDim: CHARACTERS, outputDim: WIDTH },
        { type: 'lstm', units: WIDTH, returnSequences: true },
        { type: 'dense', units: CHARACTERS },
      ],
    },
    data: (rows) => characters(rows, 64),
  },
}

export const workloadNames = Object.keys(presets)

/** Widths of a preset of dense layers alone. */
export const denseWidths = (name: string): readonly number[] | undefined => presets[name]!.widths

/** Softmax cross-entropy, clipping by global norm 1, Adam. Four batches of generated data. */
export function workload(name: string): Workload {
  const { batchSize, model, data: generate } = presets[name]!
  let data: Dataset | undefined
  return {
    name,
    config: {
      batchSize,
      metrics: [],
      // So slow that the network does not learn its four batches by heart: vanishing gradients turn subnormal, and slow.
      optimizer: { type: 'adam', learningRate: 1e-6 },
      ...(name.startsWith('char') ? { loss: 'maskedCrossentropy' as const } : {}),
      model,
    },
    get data() {
      return (data ??= generate(4 * batchSize))
    },
  }
}

function characters(rows: number, steps: number): Dataset {
  const { x } = generated(rows, steps, 1)
  const y = generated(rows * steps, 1, CHARACTERS).y
  return { rows, features: steps, targets: steps, x: x.map((value) => Math.floor(value * CHARACTERS)), y }
}

function generated(rows: number, features: number, classes: number): Dataset {
  const x = Float32Array.from({ length: rows * features }, (_, i) => uniformAt(1, 0, i))
  const y = Float32Array.from({ length: rows }, (_, i) => Math.floor(uniformAt(1, 1, i) * classes))
  return { rows, features, targets: 1, x, y }
}

/**
 * A preset, or the network and data of a config file.
 * @throws UserError for an unknown preset, or a config without data
 */
export async function chosenWorkload(choice: {
  readonly workload?: string | undefined
  readonly config?: string | undefined
}): Promise<Workload> {
  const { workload: name, config } = choice
  if (config !== undefined) {
    const file = await loadConfigFile(config)
    const given = parseConfig(file.value, file.locate)
    if (!given.data) throw new UserError(`${config}: expected \`data\`, which a step is timed on.`)
    const { train } = await loadData(given.data, given.seed)
    return { name: config, config: given as Config, data: train }
  }
  if (name !== undefined && workloadNames.includes(name)) return workload(name)
  const meant = suggest(String(name), workloadNames)
  throw new UserError(
    `Expected --workload to be one of ${workloadNames.join(', ')}, got \`${name}\`` +
      `${meant ? `; did you mean \`${meant}\`?` : '.'}`,
  )
}
