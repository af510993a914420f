/** The assembler beside what GNU's `as` makes of the same instructions, and what is written in machine code beside `wasm`. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { installCode } from '../../src/kernels/machine/code.ts'
import { VectorAssembler } from '../../src/kernels/machine/vector-assembler.ts'
import { AVX2, AVX512 } from '../../src/kernels/machine/vectors.ts'
import type { VectorSet } from '../../src/kernels/machine/vectors.ts'
import { Assembler, Condition, Register } from '../../src/kernels/machine/x86.ts'
import { createNative, vectorsHere } from '../../src/kernels/native.ts'
import { expectSame, makeBench, seeds } from './conformance/bench.ts'
import type { Bench } from './conformance/bench.ts'
import type { Product } from './conformance/matrix.ts'
import { largeProducts, multiply } from './conformance/matrix.ts'

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r15 } = Register

const hex = (code: Assembler): string => Buffer.from(code.finish()).toString('hex')

/** Checked with binutils 2.40: `as`, then `objdump -d`. (It leaves out the 48 of prefetches, which changes nothing.) */
const plain: [text: string, bytes: string, write: (code: Assembler) => void][] = [
  ['prefetcht0 [rsi + 64]', '48 0f 18 4e 40', (c) => c.prefetch({ base: rsi, displacement: 64 })],
  ['prefetchw [rsi + 8 r11]', '4a 0f 0d 0c de', (c) => c.prefetch({ base: rsi, index: r11, scale: 8 }, true)],
  ['movsxd r9, [rsi + 36]', '4c 63 4e 24', (c) => c.loadInt(r9, { base: rsi, displacement: 36 })],
  ['lea r10, [rdi + 4 rax]', '4c 8d 14 87', (c) => c.addressOf(r10, { base: rdi, index: rax, scale: 4 })],
  ['mov r8, rcx', '49 89 c8', (c) => c.move(r8, rcx)],
  ['add rdi, r11', '4c 01 df', (c) => c.add(rdi, r11)],
  ['sub r12, 6', '49 83 ec 06', (c) => c.subtract(r12, 6)],
  ['cmp rax, 6', '48 83 f8 06', (c) => c.compare(rax, 6)],
  ['push r12', '41 54', (c) => c.push(r12)],
  ['pop rbx', '5b', (c) => c.pop(rbx)],
  ['call rax', 'ff d0', (c) => c.call(rax)],
  ['call r12', '41 ff d4', (c) => c.call(r12)],
  ['sub r9, rcx', '49 29 c9', (c) => c.subtractFrom(r9, rcx)],
  ['ret', 'c3', (c) => c.return()],
]

test.each(plain)('%s is %s', (_, bytes, write) => {
  const code = new Assembler()
  write(code)
  expect(hex(code)).toBe(bytes.replaceAll(' ', ''))
})

/** Of AVX-512 and of AVX2. */
const onVectors: [text: string, wide: string, narrow: string, write: (code: VectorAssembler) => void][] = [
  [
    'vmovups v5, [rdx + 4 r8 + 64]',
    '62 b1 7c 48 10 6c 82 01',
    'c4 a1 7c 10 6c 82 40',
    (c) => c.load(5, { base: rdx, index: r8, scale: 4, displacement: 64 }),
  ],
  [
    'vmovups v3, [r13 + 132]',
    '62 d1 7c 48 10 9d 84 00 00 00',
    'c4 c1 7c 10 9d 84 00 00 00',
    (c) => c.load(3, { base: r13, displacement: 132 }),
  ],
  ['vmovups [rbp], v11', '62 71 7c 48 11 5d 00', 'c4 61 7c 11 5d 00', (c) => c.store(11, { base: rbp })],
  [
    'vbroadcastss v15, [rsi + r15]',
    '62 32 7d 48 18 3c 3e',
    'c4 22 7d 18 3c 3e',
    (c) => c.broadcast(15, { base: rsi, index: r15 }),
  ],
  [
    'vbroadcastss v9, [rsi + 508]',
    '62 72 7d 48 18 4e 7f',
    'c4 62 7d 18 8e fc 01 00 00',
    (c) => c.broadcast(9, { base: rsi, displacement: 508 }),
  ],
  ['vfmadd231ps v0, v15, v12', '62 d2 05 48 b8 c4', 'c4 c2 05 b8 c4', (c) => c.multiplyAdd(0, 15, 12)],
  ['vpxor v14, v14, v14', '62 51 0d 48 ef f6', 'c4 41 0d ef f6', (c) => c.clear(14)],
  ['vunpcklps v10, v14, v1', '62 71 0c 48 14 d1', 'c4 61 0c 14 d1', (c) => c.shuffle('low', 10, 14, 1)],
  ['vunpckhps v3, v2, v13', '62 d1 6c 48 15 dd', 'c4 c1 6c 15 dd', (c) => c.shuffle('high', 3, 2, 13)],
  ['vunpcklpd v3, v2, v9', '62 d1 ed 48 14 d9', 'c4 c1 6d 14 d9', (c) => c.shuffle('lowPairs', 3, 2, 9)],
  ['vunpckhpd v15, v11, v10', '62 51 a5 48 15 fa', 'c4 41 25 15 fa', (c) => c.shuffle('highPairs', 15, 11, 10)],
  [
    'vshuff32x4 or vperm2f128 v10, v9, v8, even',
    '62 53 35 48 23 d0 88',
    'c4 43 35 06 d0 20',
    (c) => c.shuffle('even', 10, 9, 8),
  ],
  [
    'vshuff32x4 or vperm2f128 v2, v13, v12, odd',
    '62 d3 15 48 23 d4 dd',
    'c4 c3 15 06 d4 31',
    (c) => c.shuffle('odd', 2, 13, 12),
  ],
  [
    'vmulps v9, v14, [r8 + rax]',
    '62 51 0c 48 59 0c 00',
    'c4 41 0c 59 0c 00',
    (c) => c.compute('multiply', 9, 14, { base: r8, index: rax }),
  ],
  ['vaddps v3, v2, v13', '62 d1 6c 48 58 dd', 'c4 c1 6c 58 dd', (c) => c.compute('add', 3, 2, 13)],
  ['vsubps v10, v1, v12', '62 51 74 48 5c d4', 'c4 41 74 5c d4', (c) => c.compute('subtract', 10, 1, 12)],
  ['vdivps v1, v8, v9', '62 d1 3c 48 5e c9', 'c4 c1 3c 5e c9', (c) => c.compute('divide', 1, 8, 9)],
  ['vminps v0, v6, v11', '62 d1 4c 48 5d c3', 'c4 c1 4c 5d c3', (c) => c.compute('min', 0, 6, 11)],
  [
    'vmaxps v0, v7, [r11 + 128]',
    '62 d1 44 48 5f 43 02',
    'c4 c1 44 5f 83 80 00 00 00',
    (c) => c.compute('max', 0, 7, { base: r11, displacement: 128 }),
  ],
  ['vsqrtps v3, v8', '62 d1 7c 48 51 d8', 'c4 c1 7c 51 d8', (c) => c.squareRoot(3, 8)],
  ['vpand v2, v12, v8', '62 d1 1d 48 db d0', 'c4 c1 1d db d0', (c) => c.and(2, 12, 8)],
  ['vpmaxsd v4, v4, v11', '62 d2 5d 48 3d e3', 'c4 c2 5d 3d e3', (c) => c.largerInts(4, 4, 11)],
  [
    'what is less becomes 0: vcmpps k2 and vmovups {k2}{z}, or vcmpps and vpandn',
    '62 d1 34 48 c2 d7 05 62 d1 7c ca 10 ca',
    'c4 41 34 c2 cf 01 c4 c1 35 df ca',
    (c) => c.zeroBelow(1, 10, 9, 15),
  ],
  ['vzeroupper', 'c5 f8 77', 'c5 f8 77', (c) => c.zeroUpper()],
  [
    'the part is kept: in k1, or below the stack',
    '48 63 46 24 c5 f8 92 c8',
    `48 63 46 24 48 8d 0d 0d 00 00 00 c4 e1 7c 10 04 81 c4 e1 7c 11 44 24 e0 ${'ff'.repeat(32)}${'00'.repeat(32)}`,
    (c) => c.keepPart({ base: rsi, displacement: 36 }),
  ],
  [
    'a part is loaded: vmovups {k1}{z}, or vmaskmovps',
    '62 d1 7c c9 10 54 24 02',
    'c4 61 7c 10 7c 24 e0 c4 c2 05 2c 94 24 80 00 00 00',
    (c) => c.loadPart(2, { base: r12, displacement: 128 }, 15),
  ],
  [
    'a part is stored: vmovups {k1}, or vmaskmovps',
    '62 71 7c 49 11 56 03',
    'c4 61 7c 10 74 24 e0 c4 62 0d 2e 96 c0 00 00 00',
    (c) => c.storePart(10, { base: rsi, displacement: 192 }, 14),
  ],
]

test.each(onVectors)('%s is %s or %s', (_, wide, narrow, write) => {
  for (const [set, bytes] of [
    [AVX512, wide],
    [AVX2, narrow],
  ] as const) {
    const code = new VectorAssembler(set)
    write(code)
    expect(hex(code), set.name).toBe(bytes.replaceAll(' ', ''))
  }
})

/** Registers that only AVX-512 has. */
test.each<[text: string, bytes: string, write: (code: VectorAssembler) => void]>([
  [
    'vmovups zmm27 {k1}{z}, [r12 + 128]',
    '62 41 7c c9 10 5c 24 02',
    (c) => c.loadPart(27, { base: r12, displacement: 128 }, 31),
  ],
  ['vmovups [rbp], zmm17', '62 e1 7c 48 11 4d 00', (c) => c.store(17, { base: rbp })],
  ['vbroadcastss zmm31, [rsi + r15]', '62 22 7d 48 18 3c 3e', (c) => c.broadcast(31, { base: rsi, index: r15 })],
  ['vfmadd231ps zmm0, zmm28, zmm24', '62 92 1d 40 b8 c0', (c) => c.multiplyAdd(0, 28, 24)],
  ['vpxord zmm20, zmm20, zmm20', '62 a1 5d 40 ef e4', (c) => c.clear(20)],
  ['vunpcklps zmm17, zmm30, zmm1', '62 e1 0c 40 14 c9', (c) => c.shuffle('low', 17, 30, 1)],
  ['vunpckhpd zmm31, zmm19, zmm18', '62 21 e5 40 15 fa', (c) => c.shuffle('highPairs', 31, 19, 18)],
  ['vshuff32x4 zmm30, zmm29, zmm28, DDh', '62 03 15 40 23 f4 dd', (c) => c.shuffle('odd', 30, 29, 28)],
  [
    'vmulps zmm29, zmm18, [r8 + rax]',
    '62 41 6c 40 59 2c 00',
    (c) => c.compute('multiply', 29, 18, { base: r8, index: rax }),
  ],
  [
    'vcmpps k2, zmm25, zmm17, 5; vmovups zmm21 {k2}{z}, zmm20',
    '62 b1 34 40 c2 d1 05 62 a1 7c ca 10 ec',
    (c) => c.zeroBelow(21, 20, 25, 17),
  ],
  ['vpmaxsd zmm24, zmm24, zmm31', '62 02 3d 40 3d c7', (c) => c.largerInts(24, 24, 31)],
])('%s is %s', (_, bytes, write) => {
  const code = new VectorAssembler(AVX512)
  write(code)
  expect(hex(code)).toBe(bytes.replaceAll(' ', ''))
})

test('jumps go as far as their label is from their end, forward and back', () => {
  const code = new Assembler()
  code.label('back')
  code.jumpIf(Condition.notZero, 'on')
  code.jump('back')
  code.label('on')
  expect(hex(code)).toBe('0f8505000000' + 'e9f5ffffff')
})

test('the address of a label is told from behind the instruction', () => {
  const code = new Assembler()
  code.label('here')
  code.addressOfLabel(r13, 'here')
  code.addressOfLabel(rcx, 'there')
  code.label('there')
  expect(hex(code)).toBe('4c8d2df9ffffff' + '488d0d00000000')
})

test('a jump to nowhere is refused', () => {
  const code = new Assembler()
  code.jump('gone')
  expect(() => code.finish()).toThrow('no label gone')
})

/** Across the edges of strips (64 or 24 columns), of rows in registers (8 and fewer) and of stretches (256 terms). */
const products: fc.Arbitrary<Product> = fc.record({
  transA: fc.boolean(),
  transB: fc.boolean(),
  m: fc.integer({ min: 0, max: 60 }),
  n: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.constantFrom(16, 48, 64, 128)),
  k: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 250, max: 530 })),
  accumulate: fc.boolean(),
  gap: fc.constantFrom(0, 1, 5, 130),
  seed: seeds,
})

/** What lies powers of two apart is turned or packed first, some strips at once; sizes of one round of that, and of more. */
const moved: Product[] = [
  { m: 128, n: 100, k: 70, transA: true },
  { m: 256, n: 67, k: 300, transA: true },
  { m: 60, n: 256, k: 70, transA: false },
  { m: 30, n: 517, k: 300, transA: false },
  { m: 130, n: 512, k: 260, transA: true },
].flatMap((size, seed) =>
  [false, true].map((transB) => ({ ...size, transB, accumulate: seed % 2 === 0, gap: size.n === 517 ? 507 : 0, seed })),
)

interface Update {
  readonly values: readonly number[]
  readonly clip: number
  readonly weightDecay: number
  readonly decoupled: boolean
  readonly t: number
}

/** Whole vectors and parts of one; sizes at which states are flushed and squares overflow, and what is not finite. */
const updates: fc.Arbitrary<Update> = fc.record({
  values: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.float({ noNaN: true, min: -4, max: 4 }) },
      fc.float({ noNaN: true }),
      fc.constantFrom(0, -0, 1e-38, -1e-44, 1e-20, 1e30, Infinity, -Infinity, NaN),
    ),
    { minLength: 1, maxLength: 70 },
  ),
  clip: fc.constantFrom(Infinity, 0.5),
  weightDecay: fc.constantFrom(0, 0.01),
  decoupled: fc.boolean(),
  t: fc.integer({ min: 1, max: 50 }),
})

/** Parameters, states and their largest, after two updates of what begins as the values, each array at another of them. */
function update({ kernels, put, take, reset }: Bench, { values, clip, weightDecay, decoupled, t }: Update): number[] {
  reset()
  const count = values.length
  const turned = (by: number) => values.map((_, i) => values[(i + by) % count]!)
  const [p, g, m, v] = [put(values), put(turned(1)), put(turned(2)), put(turned(3).map(Math.abs))]
  const largest = [t, t + 1].map((t) => {
    const corrections = [1 - 0.9 ** t, 1 - 0.999 ** t] as const
    return kernels.adam(count, p, g, m, v, 0.7, clip, 0.01, 0.9, 0.999, 1e-8, weightDecay, decoupled, ...corrections)
  })
  // With what lies before and behind.
  return [...largest, ...[p, g, m, v].flatMap((at) => take(at - 1, count + 2))]
}

const sets = vectorsHere()
describe.skipIf(sets.length === 0)(`machine code${sets.length ? '' : ' (this processor has no AVX2)'}`, () => {
  const both = async (set: VectorSet) => [
    await makeBench('wasm'),
    await makeBench('wasm', undefined, (...on) => createNative(installCode(set), ...on)),
  ]

  test.each(sets)('products in $name have the bits of `wasm`, and leave everything else as it is', async (set) => {
    const [wasm, own] = await both(set)
    const same = (product: Product) => expectSame(multiply(own!, product), multiply(wasm!, product), 'C')
    for (const product of [...largeProducts, ...moved]) same(product)
    fc.assert(fc.property(products, same), { numRuns: 400 })
  })

  test.each(sets)('updates in $name have the bits of `wasm`, and leave everything else as it is', async (set) => {
    const [wasm, own] = await both(set)
    const same = (what: Update) => void expect(update(own!, what)).toEqual(update(wasm!, what))
    fc.assert(fc.property(updates, same), { numRuns: 2000 })
  })
})
