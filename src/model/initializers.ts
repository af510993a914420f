/**
 * Initial values of parameters, counter-based: element i of the n-th tensor is a function of (seed, n, i).
 * Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998; orthogonal: Saxe et al. 2014.
 * `varianceScaling` is the one that Glorot's, He's and LeCun's are cases of, as in Keras.
 */
import { normalAt, uniformAt } from '../random/normal.ts'
import type { DenseConfig, InitializerConfig } from './config.ts'
import type { ParameterSpec } from './layer.ts'

/** Fills `out` (the tensor's values, row-major) for tensor number `stream` of a model with this seed. */
export function initialize(spec: ParameterSpec, seed: number, stream: number, out: Float32Array): void {
  const value = initialValues(spec, seed, stream, out.length)
  for (let i = 0; i < out.length; i++) out[i] = value(i)
}

/** The value at each index (row-major) of tensor number `stream`, of `size` elements, of a model with this seed. */
export function initialValues(
  spec: ParameterSpec,
  seed: number,
  stream: number,
  size: number,
): (index: number) => number {
  const uniform = (limit: number) => (i: number) => (2 * uniformAt(seed, stream, i) - 1) * limit
  const normal = (std: number) => (i: number) => normalAt(seed, stream, i) * std
  const config: InitializerConfig = spec.initializer
  const { fanIn, fanOut } = spec
  switch (config.type) {
    case 'zeros':
      return () => 0
    case 'ones':
      return () => 1
    case 'constant':
      return () => config.value
    case 'uniform':
      return (i) => config.min + uniformAt(seed, stream, i) * (config.max - config.min)
    case 'normal':
      return (i) => config.mean + normalAt(seed, stream, i) * config.std
    case 'truncatedNormal':
      return (i) => config.mean + truncatedNormalAt(seed, stream, i, size) * config.std
    case 'glorotUniform':
      return uniform(Math.sqrt(6 / (fanIn + fanOut)))
    case 'glorotNormal':
      return normal(Math.sqrt(2 / (fanIn + fanOut)))
    case 'heUniform':
      return uniform(Math.sqrt(6 / fanIn))
    case 'heNormal':
      return normal(Math.sqrt(2 / fanIn))
    case 'lecunUniform':
      return uniform(Math.sqrt(3 / fanIn))
    case 'lecunNormal':
      return normal(Math.sqrt(1 / fanIn))
    case 'varianceScaling': {
      const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[config.mode]
      const std = Math.sqrt(config.scale / fan)
      if (config.distribution === 'uniform') return uniform(Math.sqrt(3) * std)
      if (config.distribution === 'normal') return normal(std)
      const wider = std / CUT_DEVIATION
      return (i) => truncatedNormalAt(seed, stream, i, size) * wider
    }
    case 'unitForget':
      return (i) => (Math.floor((4 * i) / size) === 1 ? 1 : 0)
    case 'identity': {
      const cols = spec.shape.at(-1)!
      const rows = spec.shape.at(-2) ?? 1
      // Of a convolution's kernel: the cell in the middle.
      const middle = Math.floor(size / (rows * cols) / 2) * rows * cols
      return (i) => (i >= middle && (i - middle) % (cols + 1) === 0 && i - middle < rows * cols ? config.gain : 0)
    }
    case 'orthogonal': {
      const values = orthogonal(spec.shape, config.gain, seed, stream, size)
      return (i) => values[i]!
    }
  }
}

/** Standard deviation of a standard normal cut at two of them. */
const CUT_DEVIATION = 0.8796256610342398

/** A standard normal within two standard deviations: further draws of element i come from i + n, i + 2n, .. */
function truncatedNormalAt(seed: number, stream: number, index: number, n: number): number {
  for (let i = index; ; i += n) {
    const value = normalAt(seed, stream, i)
    if (Math.abs(value) <= 2) return value
  }
}

/** Rows (or columns, where they are fewer) orthonormal, times `gain`: modified Gram-Schmidt on a normal matrix. */
function orthogonal(shape: readonly number[], gain: number, seed: number, stream: number, size: number): Float32Array {
  const out = new Float32Array(size)
  const rows = shape[0]!
  const cols = size / rows
  const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)]
  const vectors: Float64Array[] = []
  for (let v = 0; v < count; v++) {
    const vector = Float64Array.from({ length }, (_, i) => normalAt(seed, stream, v * length + i))
    for (const other of vectors) {
      const shared = dot(vector, other)
      for (let i = 0; i < length; i++) vector[i]! -= shared * other[i]!
    }
    const norm = Math.sqrt(dot(vector, vector))
    for (let i = 0; i < length; i++) vector[i]! /= norm
    vectors.push(vector)
  }
  vectors.forEach((vector, v) =>
    vector.forEach((value, i) => {
      out[rows <= cols ? v * cols + i : i * cols + v] = gain * value
    }),
  )
  return out
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** How a kernel starts: `auto` follows the activation, He for the relu family, LeCun for selu, Glorot otherwise. */
export function kernelInitializer({
  kernelInitializer: given,
  activation,
}: Pick<DenseConfig, 'kernelInitializer' | 'activation'>): InitializerConfig {
  if (given && given.type !== 'auto') return given
  switch (activation?.type) {
    case 'relu':
    case 'leakyRelu':
    case 'elu':
    case 'gelu':
    case 'softplus':
      return { type: 'heUniform' }
    case 'selu':
      return { type: 'lecunNormal' }
    default:
      return { type: 'glorotUniform' }
  }
}
