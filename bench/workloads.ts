/** The workloads that steps are compared on: layer widths from the input on, and the batch. */
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

const presets: Record<string, { widths: readonly number[]; batchSize: number }> = {
  'mlp-small': { widths: [64, 32, 10], batchSize: 32 },
  'mlp-mnist': { widths: [784, 128, 10], batchSize: 64 },
  'mlp-mid': { widths: [784, 512, 256, 10], batchSize: 128 },
  'mlp-big': { widths: [1024, 2048, 2048, 1000], batchSize: 512 },
  'mlp-deep': { widths: [64, ...Array<number>(30).fill(64), 10], batchSize: 128 },
}

export const workloadNames = Object.keys(presets)

/** ReLU between the layers, softmax cross-entropy, clipping by global norm 1, Adam. Four batches of generated data. */
export function workload(name: string): Workload {
  const { widths, batchSize } = presets[name]!
  const units = widths.slice(1)
  let data: Dataset | undefined
  return {
    name,
    config: {
      batchSize,
      metrics: [],
      // So slow that the network does not learn its four batches by heart: vanishing gradients turn subnormal, and slow.
      optimizer: { type: 'adam', learningRate: 1e-6 },
      model: {
        layers: units.map((width, i) => ({
          type: 'dense',
          units: width,
          ...(i < units.length - 1 ? { activation: 'relu' } : {}),
        })),
      },
    },
    get data() {
      return (data ??= generated(4 * batchSize, widths[0]!, widths.at(-1)!))
    },
  }
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
