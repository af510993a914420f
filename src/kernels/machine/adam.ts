/** Adam's update as machine code: a vector of parameters at a time, each operation rounded and none fused, as `wasm` does it. */
import { adamCoefficients } from '../coefficients.ts'
import type { OptimizerKernels, Pointer } from '../kernels.ts'
import { argumentsOf } from './arguments.ts'
import { Calls } from './calls.ts'
import type { MachineCode } from './code.ts'
import { VectorAssembler } from './vector-assembler.ts'
import type { VectorSet } from './vectors.ts'
import { vectorSets } from './vectors.ts'
import { Condition, Register } from './x86.ts'
import type { Address } from './x86.ts'

/** What an update is told, int32 each: offsets in elements, and how many vectors. */
const Argument = { p: 0, g: 1, m: 2, v: 3, count: 4, coefficients: 5 } as const

/** Coefficients, in the order in which they lie in memory; the last ones may be read from there each time. */
const names = [
  'scale',
  'most',
  'least',
  'normal',
  'size',
  'beta1',
  'oneMinusBeta1',
  'beta2',
  'oneMinusBeta2',
  'decay',
  'inverseRoot',
  'epsilon',
  'rate',
] as const
type Coefficient = (typeof names)[number]

/** The bits of a float but its sign, and the least number that is not subnormal. */
const SIZE_BITS = 0x7fffffff
const LEAST_NORMAL = 2 ** -126

const { rax, rcx, rdx, r8, r9, r10, r11 } = Register
const At = { p: rdx, g: rcx, m: r8, v: r9, count: r10, coefficients: r11, byte: rax } as const

/** Without coupled weight decay. Leaves the largest sizes of parameters, as integers, where the coefficients were. */
export function adamOf(set: VectorSet): Uint8Array {
  const code = new VectorAssembler(set)
  const { number, pointer } = argumentsOf(code)
  for (const name of ['p', 'g', 'm', 'v', 'coefficients'] as const) pointer(At[name], Argument[name])
  number(At.count, Argument.count)

  // Registers: what is worked with, the sizes, then as many coefficients as there is room for.
  const [d, first, second, sizes, coefficients] = [0, 1, 2, 3, 4]
  const kept = names.slice(0, set.registers - coefficients)
  const of = (name: Coefficient): number => coefficients + kept.indexOf(name)
  const whole = (name: Coefficient): Address => ({
    base: At.coefficients,
    displacement: 4 * set.lanes * (1 + names.indexOf(name)),
  })
  /** Wherever it is: on the right of a computation. */
  const any = (name: Coefficient): number | Address => (kept.includes(name) ? of(name) : whole(name))
  const here = (base: Register) => ({ base, index: At.byte })
  /** A running mean in `state`: it decays, `share` of `value` comes in, subnormal becomes 0. `value` is lost. */
  const average = (state: number, base: Register, decay: Coefficient, value: number, share: Coefficient) => {
    code.compute('multiply', state, of(decay), here(base))
    code.compute('multiply', value, value, of(share))
    code.compute('add', state, state, value)
    code.and(value, state, of('size'))
    code.zeroBelow(state, state, value, of('normal'))
    code.store(state, here(base))
  }

  for (const name of names) {
    const into = kept.includes(name) ? of(name) : d
    code.broadcast(into, { base: At.coefficients, displacement: 4 * names.indexOf(name) })
    if (into === d) code.store(d, whole(name))
  }
  code.clear(sizes)
  code.subtractFrom(At.byte, At.byte)
  code.label('next')
  code.load(d, here(At.g))
  code.compute('multiply', d, d, of('scale'))
  code.compute('min', d, of('most'), d)
  code.compute('max', d, of('least'), d)
  code.compute('multiply', second, d, d)
  average(first, At.m, 'beta1', d, 'oneMinusBeta1')
  // Its square lies where the running mean comes: so that comes to where the gradient was.
  average(d, At.v, 'beta2', second, 'oneMinusBeta2')
  code.squareRoot(d, d)
  code.compute('multiply', d, d, any('inverseRoot'))
  code.compute('add', d, d, any('epsilon'))
  code.compute('divide', first, first, d)
  code.compute('multiply', first, first, any('rate'))
  code.compute('multiply', d, of('decay'), here(At.p))
  code.compute('subtract', d, d, first)
  code.store(d, here(At.p))
  code.and(d, d, of('size'))
  code.largerInts(sizes, sizes, d)
  code.addressOf(At.byte, { base: At.byte, displacement: 4 * set.lanes })
  code.subtract(At.count, 1)
  code.jumpIf(Condition.notZero, 'next')
  code.store(sizes, { base: At.coefficients })
  code.zeroUpper()
  code.return()
  return code.finish()
}

/**
 * @param wasm updates what is no multiple of a vector, and with coupled weight decay
 * @param floats the arena's view; `scratch`: elements of it that nobody else uses meanwhile
 */
export function adamWith(
  code: MachineCode,
  wasm: OptimizerKernels,
  floats: Float32Array,
  scratch: Pointer,
): OptimizerKernels['adam'] {
  const { lanes } = vectorSets.find(({ name }) => name === code.set)!
  const calls = new Calls(code.first, floats)
  const told = calls.arguments
  const bits = new Int32Array(floats.buffer)
  const put = (name: Coefficient, value: number) => (floats[scratch + names.indexOf(name)] = value)

  return (
    count,
    p,
    g,
    m,
    v,
    scale,
    clip,
    lr,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    decoupled,
    correction1,
    correction2,
  ) => {
    const rest = (from: number) =>
      wasm.adam(
        ...([count - from, p + from, g + from, m + from, v + from, scale, clip, lr, beta1, beta2, epsilon] as const),
        ...([weightDecay, decoupled, correction1, correction2] as const),
      )
    const c = adamCoefficients(lr, beta1, beta2, weightDecay, decoupled, correction1, correction2)
    const vectors = c.coupledDecay === 0 ? Math.floor(count / lanes) : 0
    if (vectors === 0) return rest(0)
    put('scale', scale)
    put('most', clip)
    put('least', -clip)
    put('normal', LEAST_NORMAL)
    bits[scratch + names.indexOf('size')] = SIZE_BITS
    put('beta1', beta1)
    put('oneMinusBeta1', c.oneMinusBeta1)
    put('beta2', beta2)
    put('oneMinusBeta2', c.oneMinusBeta2)
    put('inverseRoot', c.inverseRoot)
    put('epsilon', epsilon)
    put('rate', c.rate)
    put('decay', c.decay)
    const at = calls.add(code.adam)
    told[at + Argument.p] = p
    told[at + Argument.g] = g
    told[at + Argument.m] = m
    told[at + Argument.v] = v
    told[at + Argument.count] = vectors
    told[at + Argument.coefficients] = scratch
    calls.run()
    let largest = scratch
    for (let lane = 1; lane < lanes; lane++) if (bits[scratch + lane]! > bits[largest]!) largest = scratch + lane
    const size = floats[largest]!
    return vectors * lanes === count ? size : Math.max(size, rest(vectors * lanes))
  }
}
