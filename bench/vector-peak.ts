/**
 * The most that one core's 128-bit vector units give through the engine: chains of multiply-adds in registers alone,
 * enough of them side by side to hide an instruction's latency. What a matrix product is measured against.
 */
import { relaxedSimdAvailable } from '../src/kernels/compile.ts'

const CHAINS = 14
/** Multiply-adds of each chain in one round of the loop. */
const UNROLLED = 4
const ROUNDS = 50_000

/** GFLOP/s of one core at this moment, each time it is called; `fused`: relaxed multiply-adds, else a product and a sum. */
export function vectorPeak(fused = relaxedSimdAvailable()): () => number {
  const module = new WebAssembly.Module(loopOfMultiplyAdds(fused))
  const { run } = new WebAssembly.Instance(module).exports as { run: (rounds: number) => number }
  return () => {
    const start = performance.now()
    run(ROUNDS)
    return (2 * 4 * CHAINS * UNROLLED * ROUNDS) / (performance.now() - start) / 1e6
  }
}

/** `run(rounds)`: locals 1 to CHAINS are the sums, the next one (0) is factor and term of all. */
function loopOfMultiplyAdds(fused: boolean): Uint8Array<ArrayBuffer> {
  const factor = CHAINS + 1
  const step = (sum: number): number[] => {
    if (fused) return [...get(sum), ...get(factor), ...get(factor), ...simd(0x105), ...set(sum)]
    return [...get(sum), ...get(factor), ...simd(0xe6), ...get(factor), ...simd(0xe4), ...set(sum)]
  }
  const round = Array.from({ length: CHAINS * UNROLLED }, (_, i) => step(1 + (i % CHAINS))).flat()
  const total = Array.from({ length: CHAINS - 1 }, (_, i) => [...get(2 + i), ...simd(0xe4)]).flat()
  const body = [
    ...[1, CHAINS + 1, V128],
    ...[0x03, 0x40, ...round, ...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // loop .. br_if (rounds -= 1)
    ...[...get(1), ...total, ...simd(0x1f), 0], // the sum of all, so that none is left out
    0x0b,
  ]
  return new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, ...Buffer.from('run'), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ])
}

const [I32, F32, V128] = [0x7f, 0x7d, 0x7b]
const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const simd = (code: number) => [0xfd, ...leb(code)]
const section = (id: number, bytes: number[]) => [id, ...leb(bytes.length), ...bytes]

/** An unsigned number, seven bits a byte. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [128 | (value & 127), ...leb(value >>> 7)]
}
