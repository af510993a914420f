/**
 * The golden values that PyTorch gave, as make.py wrote them: flat row-major arrays of float64.
 * Kernels are [inputs x outputs]. Nothing here is computed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { ActivationName, LossName } from '../../src/kernels/kernels.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import type { Port } from '../../src/model/graph.ts'
import type { OptimizerConfig } from '../../src/optim/optimizers.ts'

type Numbers = readonly number[]
type Named = Readonly<Record<string, Numbers>>

export interface GoldenValues {
  dense: {
    rows: number
    inputs: number
    outputs: number
    x: Numbers
    kernel: Numbers
    bias: Numbers
    dy: Numbers
    y: Numbers
    dx: Numbers
    dkernel: Numbers
    dbias: Numbers
  }
  activations: {
    x: Numbers
    dy: Numbers
    cases: readonly { kind: ActivationName; alpha: number; y: Numbers; dx: Numbers }[]
  }
  prelu: {
    rows: number
    cols: number
    x: Numbers
    slopes: Numbers
    dy: Numbers
    y: Numbers
    dx: Numbers
    dslopes: Numbers
  }
  /** y = shortcut(x) + relu(x kernel1 + bias1) kernel2 + bias2; `parameters.shortcut` is absent for the identity. */
  residual: readonly {
    rows: number
    inputs: number
    hidden: number
    outputs: number
    x: Numbers
    dy: Numbers
    y: Numbers
    dx: Numbers
    parameters: Named
    gradients: Named
  }[]
  /** `sum` is over rows of weight * loss of the row; `gradient` is d sum / d outputs. */
  losses: {
    rows: number
    cols: number
    weights: Numbers
    cases: readonly {
      kind: LossName
      parameter: number
      second?: number
      outputs: Numbers
      targets: Numbers
      sum: number
      gradient: Numbers
    }[]
  }
  metrics: {
    classification: {
      rows: number
      classes: number
      outputs: Numbers
      labels: Numbers
      accuracy: number
      top3Accuracy: number
    }
    regression: { rows: number; outputs: Numbers; targets: Numbers; meanAbsoluteError: number; r2: number }
  }
  /** Of scikit-learn; averages are macro, weighted, micro. The binary scores are log odds. */
  'class-metrics': {
    rows: number
    classes: number
    outputs: Numbers
    labels: Numbers
    precision: Numbers
    recall: Numbers
    f1: Numbers
    auc: number
    perplexity: number
    confusion: Numbers
    binary: {
      rows: number
      outputs: Numbers
      labels: Numbers
      precision: number
      recall: number
      f1: number
      auc: number
    }
  }
  /** The same start and the same gradient at each of 20 steps for every optimizer. */
  'optimizer-inputs': { initial: Numbers; gradients: readonly Numbers[] }
  /** 6-9(relu)-5(tanh)-3, mean cross-entropy, clip by norm to maxNorm / (norm + 1e-6), batch t % 4 at step t. */
  training: {
    widths: Numbers
    rows: number
    optimizer: OptimizerConfig
    maxNorm: number
    batches: readonly { x: Numbers; labels: Numbers }[]
    initial: Named
    loss: Numbers
    gradNormBeforeClip: Numbers
    final: Named
  }
}

/** Layers over rows of a shape: what the same ones give in PyTorch. */
export interface GoldenLayer {
  inputShape: Numbers | readonly Port[]
  layers: LayerConfig[]
  rows: number
  x: Numbers
  dy: Numbers
  y: Numbers
  /** `null` where the input has no gradient. */
  dx: Numbers | null
  parameters: Named
  /** What is not learned, after the step. */
  statistics: Named
  gradients: Named
}

/** One optimizer's parameters after each step. */
export interface GoldenOptimizer {
  name: string
  config: OptimizerConfig
  parameters: readonly Numbers[]
}

const folder = new URL('./values/', import.meta.url)

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))
}

export function golden<Name extends keyof GoldenValues>(name: Name): GoldenValues[Name] {
  return read(name) as GoldenValues[Name]
}

export function goldenLayers(): [name: string, layer: GoldenLayer][] {
  return namesOf(/^layer-(.+)\.json$/).map((name) => [name, read(`layer-${name}`) as GoldenLayer])
}

export function goldenOptimizers(): GoldenOptimizer[] {
  return namesOf(/^optimizer-(?!inputs)(.+)\.json$/).map((name) => ({
    name,
    ...(read(`optimizer-${name}`) as Omit<GoldenOptimizer, 'name'>),
  }))
}

function namesOf(pattern: RegExp): string[] {
  return readdirSync(folder)
    .map((file) => pattern.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort()
}
