/**
 * The WebAssembly modules that `build.ts` made, as machine code.
 *
 * WebAssembly's vectors have 128 bits. The optimizing compiler of V8 can join two of them to one of 256 where a function
 * does the same with both: twice the speed, and the same bits, as the lanes of a vector know nothing of each other. It
 * does so only when asked, so the modules are compiled at once with that switch set, and the switches put back; they
 * hold for the whole process, if only for these milliseconds. Those modules have tiles that make use of it.
 */
import { readFileSync } from 'node:fs'
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8'
import { fileOf } from '../package.ts'

export type WasmVariant = 'wasm' | 'wasm-strict'

const files: Record<WasmVariant, string> = { wasm: 'kernels-relaxed', 'wasm-strict': 'kernels-strict' }

/** (func (export "") (param f32 f32 f32) (result f32)): the first lane of f32x4.relaxed_madd of the three. */
const RELAXED_PROBE = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 125, 125, 125, 1, 125, 3, 2, 1, 0, 7, 4, 1, 0, 0, 0],
  ...[10, 22, 1, 20, 0, 32, 0, 253, 19, 32, 1, 253, 19, 32, 2, 253, 19, 253, 133, 2, 253, 31, 0, 11],
])

/** Whether this engine has the fused multiply-add that the `wasm` kernels use. */
export function relaxedSimdAvailable(): boolean {
  return WebAssembly.validate(RELAXED_PROBE)
}

/**
 * Versions of V8 with which the modules were tried: Node 24. Compilers differ, and one that stumbled over a module would end
 * the process. That of Node 22 has the switch and joins little; that of Node 25 would need inlining switched off meanwhile,
 * which code that runs in other threads does not survive; that of Node 26 stumbles.
 */
const TRIED = ['13.6']

/** `BRIGANTINE_VECTORS=128` in the environment: without the wider ones, should they ever be suspected. */
export const VECTORS_VARIABLE = 'BRIGANTINE_VECTORS'

const compiled = new Map<WasmVariant, WebAssembly.Module>()

/** Compiles a module, once in a thread; instances in every worker may share it. */
export function compileKernels(variant: WasmVariant): WebAssembly.Module {
  const known = compiled.get(variant)
  if (known) return known
  const module = compileWide(variant) ?? compileNarrow(variant)
  compiled.set(variant, module)
  return module
}

/** The same for any machine: for a thread that finds in the middle of a step that it needs them. */
export const compileNarrow = (variant: WasmVariant): WebAssembly.Module => new WebAssembly.Module(read(files[variant]))

/** For vectors of 256 bits; `undefined` where the compiler makes none. */
export function compileWide(variant: WasmVariant): WebAssembly.Module | undefined {
  const version = process.versions.v8.split('.', 2).join('.')
  if (process.arch !== 'x64' || !TRIED.includes(version) || process.env[VECTORS_VARIABLE] === '128') return undefined
  if (!fuses()) return undefined
  const undo: string[] = []
  try {
    if (!change('experimental-wasm-revectorize', true, undo)) return undefined
    // Whole and optimized, before the switches are put back.
    change('liftoff', false, undo)
    change('wasm-lazy-compilation', false, undo)
    return new WebAssembly.Module(read(`${files[variant]}-wide`))
  } finally {
    for (const flag of undo.toReversed()) setFlagsFromString(flag)
  }
}

/** @returns whether there is such a switch and it was the other way, which its place in the version of cached code shows */
function change(flag: string, on: boolean, undo: string[]): boolean {
  const before = cachedDataVersionTag()
  setFlagsFromString(`--${on ? '' : 'no-'}${flag}`)
  const isChanged = cachedDataVersionTag() !== before
  if (isChanged) undo.push(`--${on ? 'no-' : ''}${flag}`)
  return isChanged
}

/** Whether the processor has a fused multiply-add, and with it vectors of 256 bits. */
function fuses(): boolean {
  if (!relaxedSimdAvailable()) return false
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(RELAXED_PROBE))
  const madd = exports[''] as (a: number, b: number, c: number) => number
  // (1 + 2^-12)^2 is 2^-24 more than the nearest float32.
  return madd(1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11) !== 0
}

function read(name: string): Buffer<ArrayBuffer> {
  const path = fileOf(`src/kernels/assembly/${name}.wasm`)
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new Error(`internal: could not load ${path.pathname}; \`npm run build:kernels\` makes it`, { cause })
  }
}
