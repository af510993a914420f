/** Several nodes that are one layer of ours, seen from the tensor that they end in. */
import { attention, timeFirst } from './attention.ts'
import type { Constant } from './graph.ts'
import { layerNorm, rmsNorm } from './means.ts'
import { integersOf, numberOf, near, scalarOf, valuesOf } from './net.ts'
import type { Net } from './net.ts'
import { unsupported } from './place.ts'
import type { Pattern, Read } from './place.ts'
import { biased, strided } from './products.ts'

type Matcher = (net: Net, tensor: string) => Pattern | undefined

// A mean taken away before a root mean square is another layer: it comes first.
const matchers: readonly Matcher[] = [gelu, layerNorm, rmsNorm, groupNorm, attention, timeFirst, biased, strided]

export function patternOf(net: Net, tensor: string): Pattern | undefined {
  for (const matcher of matchers) {
    const pattern = matcher(net, tensor)
    if (pattern) return pattern
  }
  return undefined
}

/** x (1 + erf(x / sqrt 2)) / 2, in whatever order its products are. */
function gelu(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'Mul')
  if (!node) return undefined
  const factors = (one: string, depth: number, whole?: string): string[] => {
    const product = one === whole || depth === 0 ? undefined : net.maker(one, 'Mul')
    return product ? product.inputs.flatMap((input) => factors(input, depth - 1, whole)) : [one]
  }
  const from = factors(tensor, 3)
    .map((factor) => erfOf(net, factor))
    .find((one) => one !== undefined)
  if (from === undefined) return undefined
  const rest = factors(tensor, 3, from).filter((factor) => erfOf(net, factor) !== from)
  const isGelu = rest.length === 2 && rest.includes(from) && rest.some((factor) => near(net.scalar(factor), 0.5))
  const read: Read = { config: { type: 'activation', activation: { type: 'gelu' } }, weights: {}, to: {} }
  return isGelu ? { node, from, each: true, constants: [], read: () => read } : undefined
}

/** The x of 1 + erf(x / sqrt 2). */
function erfOf(net: Net, tensor: string): string | undefined {
  const plus = net.withConstant(net.maker(tensor, 'Add'))
  if (!plus || !near(scalarOf(plus.constant), 1)) return undefined
  const inner = net.maker(net.maker(plus.other, 'Erf')?.inputs[0], 'Mul', 'Div')
  const scaled = net.withConstant(inner)
  if (!inner || !scaled || !near(scalarOf(scaled.constant), inner.op === 'Mul' ? Math.SQRT1_2 : Math.SQRT2))
    return undefined
  return scaled.other
}

/** Groups of channels as one each that is normalised by itself; behind it a product and a sum by channel. */
function groupNorm(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'Add', 'Mul', 'Transpose', 'Reshape')
  if (!node) return undefined
  const sum = node.op === 'Add' ? net.withConstant(node) : undefined
  const product = net.withConstant(net.maker(sum?.other ?? tensor, 'Mul'))
  const turn = net.maker(product?.other ?? sum?.other ?? tensor, 'Transpose')
  const whole = net.maker(turn?.inputs[0] ?? product?.other ?? sum?.other ?? tensor, 'Reshape')
  const normal = whole && net.maker(whole.inputs[0], 'InstanceNormalization')
  const parts = normal && net.maker(normal.inputs[0], 'Reshape')
  const [from] = parts?.inputs ?? []
  if (!parts || from === undefined) return undefined
  const all = (input: number, value: number) => net.values(normal, input).every((one) => one === value)
  if (!all(1, 1) || !all(2, 0)) return undefined
  const constants = [product, sum].flatMap((one) => (one ? [one.constant.name] : []))
  return {
    ...{ node, from, constants },
    read(at) {
      const channels = at.shape.at(-1)!
      const groups = net.values(normal, 1).length
      const there = [channels, ...at.shape.slice(0, -1)].join()
      const known = (n: number, i: number) => (n > 0 ? n : [channels, ...at.shape.slice(0, -1)][i])
      const isWhole = net.integers(whole, 1).slice(1).map(known).join() === there
      const isCut = net.integers(parts, 1)[1] === groups && net.integers(parts, 1).length === 3
      if (at.turned || (at.shape.length > 1 && !at.first) || !isWhole || !isCut || channels % groups !== 0)
        throw unsupported(node, 'of normalised parts')
      const first = turn === undefined
      const axes = at.shape.map((_, i) => i + 1)
      if (turn && integersOf(turn.attributes.perm).join() !== [0, ...axes.slice(1), 1].join())
        throw unsupported(turn, 'of normalised parts')
      /** A number a channel, wherever its axis is. */
      const vector = ({ shape, ...constant }: Constant): Float32Array => {
        const values = valuesOf({ shape, ...constant } as Constant)
        const behind = first ? at.shape.length - 1 : 0
        if (values.length !== channels || shape.at(-1 - behind) !== channels)
          throw unsupported(node, `by a constant of shape [${shape.join(', ')}]`)
        return values
      }
      const weights = {
        ...(product ? { gamma: vector(product.constant) } : {}),
        ...(sum ? { beta: vector(sum.constant) } : {}),
      }
      const epsilon = numberOf(normal.attributes.epsilon, 1e-5)
      const config = { type: 'groupNorm', groups, epsilon, center: Boolean(sum), scale: Boolean(product) } as const
      return { config, weights, to: { first } }
    },
  }
}
