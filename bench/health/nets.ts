/** Networks of the suite in few words. */
import type { Config } from '../../src/config/schema.ts'

type Layer = Config['model']['layers'][number]
type Dense = Extract<Layer, { type: 'dense' }>
export type Activation = NonNullable<Dense['activation']>
export type Initializer = NonNullable<Dense['kernelInitializer']>

export interface MlpOptions {
  readonly kernel?: Initializer
  readonly bias?: Dense['biasInitializer']
  /** Of the last layer. */
  readonly output?: Initializer
  readonly outputBias?: Dense['biasInitializer']
  /** Rate of a dropout after each hidden layer. */
  readonly dropout?: number
  /** A normalisation after each hidden layer. */
  readonly norm?: Layer
}

/** `depth` layers, the last one linear with `outputs` units; the others of `width` units. Names h1, h2, .., out. */
export function mlp(
  activation: Activation,
  depth: number,
  width: number,
  outputs: number,
  options: MlpOptions = {},
): { layers: Layer[] } {
  const { kernel = 'auto', bias = 'zeros', output = 'auto', outputBias = 'zeros', dropout, norm } = options
  const layers: Layer[] = []
  for (let i = 1; i < depth; i++) {
    const dense: Layer = {
      type: 'dense',
      name: `h${i}`,
      units: width,
      activation,
      kernelInitializer: kernel,
      biasInitializer: bias,
    }
    layers.push(dense)
    if (norm) layers.push(norm)
    if (dropout) layers.push({ type: 'dropout', rate: dropout })
  }
  layers.push({
    type: 'dense',
    name: 'out',
    units: outputs,
    kernelInitializer: output,
    biasInitializer: outputBias,
  })
  return { layers }
}

/** Two dense ReLU layers beside each shortcut; `beta` scales what a branch adds at the start. */
export function residualNet(depth: number, width: number, outputs: number, beta: number): { layers: Layer[] } {
  const layers: Layer[] = [{ type: 'dense', name: 'in', units: width, activation: 'relu' }]
  for (let i = 1; i <= (depth - 2) / 2; i++) {
    layers.push({
      type: 'residual',
      name: `b${i}`,
      layers: [
        { type: 'dense', units: width, activation: 'relu' },
        { type: 'dense', units: width, kernelInitializer: he(width, beta) },
      ],
    })
  }
  layers.push({ type: 'dense', name: 'out', units: outputs })
  return { layers }
}

export const normal = (std: number): Initializer => ({ type: 'normal', mean: 0, std })
export const uniform = (limit: number): Initializer => ({ type: 'uniform', min: -limit, max: limit })
/** He's, times a factor. */
export const he = (fanIn: number, factor = 1): Initializer => normal(factor * Math.sqrt(2 / fanIn))
