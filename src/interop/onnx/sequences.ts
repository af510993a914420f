/** Embeddings, attention and recurrent layers as ONNX operators. */
import type { AttentionConfig, EmbeddingConfig, PositionEmbeddingConfig, RecurrentConfig } from '../../model/config.ts'
import type { Emit } from './builder.ts'

/** The specification's number of the type int64. */
const INT64 = 7

/** An index that is no row of the table is an error of the runtime, where ours gives NaN. */
export const embedding: Emit<EmbeddingConfig> = (_config, { name, shape }, given, build, parameters) => {
  const indices = build.node('Cast', [build.turned(given, false).name], { to: INT64 })
  const table = build.parameter(`${name}/embeddings`, parameters)
  return { name: build.node('Gather', [table, indices], { axis: 0 }), shape, first: false }
}

export const positionEmbedding: Emit<PositionEmbeddingConfig> = (_config, { name }, given, build, parameters) => {
  const flow = build.turned(given, false)
  return { ...flow, name: build.node('Add', [flow.name, build.parameter(`${name}/embeddings`, parameters)]) }
}

export const attention: Emit<AttentionConfig> = (config, { name, shape }, given, build, parameters) => {
  const [steps, channels] = shape as [number, number]
  const { numHeads, keyDim = Math.ceil(channels / numHeads), causal = false, useBias = true } = config
  const width = numHeads * keyDim
  const linear = (from: string, part: string): string => {
    const product = build.node('MatMul', [from, build.parameter(`${name}/${part}/kernel`, parameters)])
    return useBias ? build.node('Add', [product, build.parameter(`${name}/${part}/bias`, parameters)]) : product
  }
  const qkv = linear(build.turned(given, false).name, 'qkv')
  /** Queries, keys or values by head; keys turned for their product with the queries. */
  const heads = (which: 0 | 1 | 2): string => {
    const [from, to] = [build.integers([which * width]), build.integers([(which + 1) * width])]
    const part = build.node('Slice', [qkv, from, to, build.integers([2])])
    const cut = build.node('Reshape', [part, build.integers([-1, steps, numHeads, keyDim])])
    return build.node('Transpose', [cut], { perm: which === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3] })
  }
  const products = build.node('MatMul', [heads(0), heads(1)])
  let scores = build.node('Mul', [products, build.scalar(1 / Math.sqrt(keyDim))])
  if (causal) {
    const mask = Float32Array.from({ length: steps * steps }, (_, i) =>
      i % steps > Math.floor(i / steps) ? -Infinity : 0,
    )
    scores = build.node('Add', [scores, build.weights(`${name}/mask`, [steps, steps], mask)])
  }
  const mixed = build.node('MatMul', [build.node('Softmax', [scores], { axis: -1 }), heads(2)])
  const together = build.node('Transpose', [mixed], { perm: [0, 2, 1, 3] })
  const rows = build.node('Reshape', [together, build.integers([-1, steps, width])])
  return { name: linear(rows, 'output'), shape, first: false }
}

/** Where ONNX's gates lie in ours: its lstm has i, o, f, c and ours i, f, c, o; the gru's order is the same. */
export const GATES = { lstm: [0, 3, 1, 2], gru: [0, 1, 2] } as const

export const recurrent: Emit<RecurrentConfig> = (
  { type, units, useBias = true, returnSequences = false, direction = 'forward' },
  { name, shape },
  given,
  build,
  parameters,
) => {
  const gates = GATES[type]
  const width = gates.length * units
  /** [rows, gates units] as [1, gates units, rows], the gates in ONNX's order. */
  const matrix = (part: string): string => {
    const { values } = parameters(`${name}/${part}`)
    const rows = values.length / width
    const turned = new Float32Array(values.length)
    for (let c = 0; c < width; c++) {
      const from = gates[Math.floor(c / units)]! * units + (c % units)
      for (let r = 0; r < rows; r++) turned[c * rows + r] = values[r * width + from]!
    }
    return build.weights(`${name}/${part}`, [1, width, rows], turned)
  }
  const inputs = [
    build.node('Transpose', [build.turned(given, false).name], { perm: [1, 0, 2] }),
    matrix('kernel'),
    matrix('recurrentKernel'),
  ]
  if (useBias) {
    // Those of the inputs, then those of the states, of which our lstm has none.
    const biases = new Float32Array(2 * width)
    const parts = type === 'gru' ? ['bias', 'recurrentBias'] : ['bias']
    parts.forEach((part, i) => {
      const { values } = parameters(`${name}/${part}`)
      gates.forEach((from, to) => {
        biases.set(values.subarray(from * units, (from + 1) * units), i * width + to * units)
      })
    })
    inputs.push(build.weights(`${name}/bias`, [1, 2 * width], biases))
  }
  const attributes = { hidden_size: units, direction, ...(type === 'gru' ? { linear_before_reset: 1 } : {}) }
  const op = type.toUpperCase()
  if (!returnSequences) {
    const last = build.node(op, inputs, attributes, 1)
    return { name: build.node('Squeeze', [last, build.integers([0])]), shape, first: false }
  }
  const states = build.node('Squeeze', [build.node(op, inputs, attributes), build.integers([1])])
  return { name: build.node('Transpose', [states], { perm: [1, 0, 2] }), shape, first: false }
}
