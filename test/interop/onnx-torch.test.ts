/** Graphs of PyTorch's exporter: attention, normalisation and GELU as it writes them out are one layer each, and give the same. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeModel } from '../../src/interop/onnx/graph.ts'
import type { Constant, Graph, Node } from '../../src/interop/onnx/graph.ts'
import { normalAt } from '../../src/random/normal.ts'
import { loadModel } from '../../src/train/model.ts'

/** What test/golden/torch_onnx.py wrote; bytes and numbers in base64. */
const written = JSON.parse(readFileSync(new URL('../golden/values/torch-onnx.json', import.meta.url), 'utf8')) as {
  name: string
  layers: string[]
  onnx: string
  x: string
  y: string
}[]

let folder = ''
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-onnx-torch-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${files++}.onnx`)
  await writeFile(path, bytes)
  return path
}

const numbers = (base64: string): Float32Array => {
  const bytes = Buffer.from(base64, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length)
  const size = Math.max(1, ...expected.map(Math.abs))
  expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1)
  expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * size))
}

describe('what torch.onnx wrote gives what PyTorch gave', () => {
  it.each(written)('$name', async ({ layers, onnx, x, y }) => {
    const model = await loadModel(await fileOf(Buffer.from(onnx, 'base64')), { kernels: 'wasm' })
    expect(model.config.model.layers.map(({ type }) => type)).toEqual(layers)
    expectNear(model.predict(numbers(x)), numbers(y))
  })
})

const weights = (name: string, ...shape: number[]): Constant => ({
  ...{ name, shape },
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.4 * normalAt(name.length, 7, i)),
})
const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  ...{ op, name: `${op}_${output}`, inputs, outputs: [output], attributes },
})
const integers = (name: string, ...list: number[]): Constant => ({ name, shape: [list.length], integers: list })
const scalar = (name: string, value: number): Constant => ({ name, shape: [], values: Float32Array.of(value) })

const [STEPS, CHANNELS, HEADS, WIDTH] = [5, 6, 2, 3]

/** scaled_dot_product_attention with `is_causal`, as exporters since PyTorch 2 write it: half of the scale on either side. */
function scaledDotProduct(upper = 0, more: { nodes?: Node[]; constants?: Constant[] } = {}): Graph {
  const perm = [0, 2, 1, 3]
  const cut = (name: string) => [
    node('Reshape', [name, 'heads'], `${name}h`),
    node('Transpose', [`${name}h`], `${name}t`, { perm }),
  ]
  const nodes: Node[] = [
    ...['q', 'k', 'v'].flatMap((name) => [
      node('MatMul', ['x', `${name}w`], `${name}p`),
      node('Add', [`${name}b`, `${name}p`], name),
    ]),
    ...['q', 'k', 'v'].flatMap(cut),
    node('Shape', ['qt'], 'lengths'),
    node('Slice', ['lengths', 'minusOne', 'end', 'zero'], 'depth'),
    node('Cast', ['depth'], 'depthF', { to: 1 }),
    node('Sqrt', ['depthF'], 'root'),
    node('Div', ['one', 'root'], 'scale'),
    node('Sqrt', ['scale'], 'half'),
    node('Trilu', ['ones'], 'triangle', { upper }),
    node('Equal', ['triangle', 'nought'], 'hidden'),
    node('Where', ['hidden', 'low', 'triangle'], 'mask1'),
    node('Equal', ['triangle', 'one'], 'seen'),
    node('Where', ['seen', 'nought', 'mask1'], 'mask'),
    node('Transpose', ['kt'], 'turned', { perm: [0, 1, 3, 2] }),
    node('Mul', ['qt', 'half'], 'qs'),
    node('Mul', ['turned', 'half'], 'ks'),
    node('MatMul', ['qs', 'ks'], 'products'),
    node('Add', ['products', 'mask'], 'masked'),
    node('Softmax', ['masked'], 'shares', { axis: -1 }),
    node('MatMul', ['shares', 'vt'], 'mixed'),
    node('Transpose', ['mixed'], 'mt', { perm }),
    node('Reshape', ['mt', 'together'], 'rows'),
    node('MatMul', ['rows', 'ow'], 'op'),
    node('Add', ['op', 'ob'], 'y'),
  ]
  return {
    ...{ name: 'torch', metadata: {}, inputs: [{ name: 'x', shape: [STEPS, CHANNELS] }] },
    output: { name: 'y', shape: [STEPS, CHANNELS] },
    nodes: more.nodes ?? nodes,
    constants: [
      ...['q', 'k', 'v', 'o'].flatMap((name) => [
        weights(`${name}w`, CHANNELS, CHANNELS),
        weights(`${name}b`, CHANNELS),
      ]),
      ...[integers('heads', -1, STEPS, HEADS, WIDTH), integers('together', -1, STEPS, CHANNELS)],
      ...[integers('minusOne', -1), integers('end', 2 ** 40), integers('zero', 0)],
      ...[scalar('one', 1), scalar('nought', 0), scalar('low', -Infinity)],
      { name: 'ones', shape: [STEPS, STEPS], values: new Float32Array(STEPS * STEPS).fill(1) },
      ...(more.constants ?? []),
    ],
  }
}
const encoded = (graph: Graph): Promise<string> => fileOf(Buffer.concat(encodeModel(graph)))

describe('scaled_dot_product_attention', () => {
  it('with its scale and mask computed in the graph gives what onnxruntime gives', async () => {
    const path = await encoded(scaledDotProduct())
    const x = Float32Array.from({ length: 4 * STEPS * CHANNELS }, (_, i) => normalAt(8, 0, i))
    const session = await InferenceSession.create(path)
    const { y } = await session.run({ x: new Tensor('float32', x, [4, STEPS, CHANNELS]) })
    const model = await loadModel(path)
    expect(model.config.model.layers).toMatchObject([{ type: 'attention', numHeads: HEADS, causal: true }])
    expectNear(model.predict(x), y!.data as Float32Array)
    await session.release()
  })

  it('that looks ahead alone, or has another scale, is refused', async () => {
    await expect(loadModel(await encoded(scaledDotProduct(1)))).rejects.toThrow(/Softmax_shares.*with this mask/)
    const { nodes } = scaledDotProduct()
    const odd = nodes.map((one) => (one.outputs[0] === 'ks' ? { ...one, inputs: ['turned', 'scale'] } : one))
    await expect(loadModel(await encoded(scaledDotProduct(0, { nodes: odd })))).rejects.toThrow(/node `.*` ?: operator/)
  })
})

describe('what a graph computes of its constants', () => {
  it('takes no memory beyond a mask: a huge one is left alone, and its node named', async () => {
    const huge = [
      node('ConstantOfShape', ['size'], 'wide'),
      node('Range', ['none', 'far', 'step'], 'long'),
      node('Add', ['x', 'wide'], 'y'),
    ]
    const constants = [
      integers('size', 2 ** 20, 2 ** 20),
      integers('none', 0),
      integers('far', 2 ** 40),
      integers('step', 1),
    ]
    await expect(loadModel(await encoded(scaledDotProduct(0, { nodes: huge, constants })))).rejects.toThrow(
      /node `(Add_y|ConstantOfShape_wide)`/,
    )
  })

  it('does not grow without end where each node doubles it', async () => {
    const doubling = Array.from({ length: 40 }, (_, i) =>
      node('Concat', [i === 0 ? 'end' : `c${i - 1}`, i === 0 ? 'end' : `c${i - 1}`], `c${i}`, { axis: 0 }),
    )
    const nodes = [...doubling, node('Reshape', ['x', 'c39'], 'y')]
    await expect(loadModel(await encoded(scaledDotProduct(0, { nodes })))).rejects.toThrow(/Reshape_y.*input 1/)
  })

  it.each([-7, 7])('takes nothing from beyond a table: place %i', async (place) => {
    const nodes = [
      node('Shape', ['x'], 'lengths'),
      node('Gather', ['lengths', 'place'], 'taken'),
      node('Reshape', ['x', 'taken'], 'y'),
    ]
    const graph = scaledDotProduct(0, { nodes, constants: [integers('place', place)] })
    await expect(loadModel(await encoded(graph))).rejects.toThrow(/Reshape_y.*expected input 1 to be a constant/)
  })

  it('GELU by tanh is another function, and is named', async () => {
    const nodes = [node('Gelu', ['x'], 'y', { approximate: 'tanh' })]
    await expect(loadModel(await encoded(scaledDotProduct(0, { nodes })))).rejects.toThrow(/Gelu_y.*by tanh/)
  })
})
