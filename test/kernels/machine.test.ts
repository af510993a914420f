/** The assembler beside what GNU's `as` makes of the same instructions, and products in machine code beside `wasm`. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Assembler, Condition, Register, Shuffle } from '../../src/kernels/machine/x86.ts'
import { probeNative } from '../../src/kernels/native.ts'
import { expectSame, makeBench, seeds } from './conformance/bench.ts'
import type { Product } from './conformance/matrix.ts'
import { largeProducts, multiply } from './conformance/matrix.ts'

const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r15 } = Register

/** Checked with binutils 2.40: `as`, then `objdump -d`. (It leaves out the 48 of prefetches, which changes nothing.) */
const instructions: [text: string, bytes: string, write: (code: Assembler) => void][] = [
  [
    'vmovups zmm5, [rdx + 4 r8 + 64]',
    '62 b1 7c 48 10 6c 82 01',
    (c) => c.load(5, { base: rdx, index: r8, scale: 4, displacement: 64 }),
  ],
  [
    'vmovups zmm27 {k1}{z}, [r12 + 128]',
    '62 41 7c c9 10 5c 24 02',
    (c) => c.load(27, { base: r12, displacement: 128 }, { mask: 1, zero: true }),
  ],
  ['vmovups zmm3, [r13 + 132]', '62 d1 7c 48 10 9d 84 00 00 00', (c) => c.load(3, { base: r13, displacement: 132 })],
  ['vmovups [rbp], zmm17', '62 e1 7c 48 11 4d 00', (c) => c.store(17, { base: rbp })],
  [
    'vmovups [rsp + 192] {k2}, zmm3',
    '62 f1 7c 4a 11 5c 24 03',
    (c) => c.store(3, { base: rsp, displacement: 192 }, { mask: 2 }),
  ],
  ['vbroadcastss zmm31, [rsi + r15]', '62 22 7d 48 18 3c 3e', (c) => c.broadcast(31, { base: rsi, index: r15 })],
  ['vbroadcastss zmm9, [rsi + 508]', '62 72 7d 48 18 4e 7f', (c) => c.broadcast(9, { base: rsi, displacement: 508 })],
  ['vfmadd231ps zmm0, zmm28, zmm24', '62 92 1d 40 b8 c0', (c) => c.multiplyAdd(0, 28, 24)],
  ['vfmadd231ps zmm21, zmm12, zmm3', '62 e2 1d 48 b8 eb', (c) => c.multiplyAdd(21, 12, 3)],
  ['vpxord zmm20, zmm20, zmm20', '62 a1 5d 40 ef e4', (c) => c.clear(20)],
  ['vunpcklps zmm17, zmm30, zmm1', '62 e1 0c 40 14 c9', (c) => c.shuffle(Shuffle.low, 17, 30, 1)],
  ['vunpckhps zmm3, zmm2, zmm1', '62 f1 6c 48 15 d9', (c) => c.shuffle(Shuffle.high, 3, 2, 1)],
  ['vunpcklpd zmm3, zmm2, zmm17', '62 b1 ed 48 14 d9', (c) => c.shuffle(Shuffle.lowPairs, 3, 2, 17)],
  ['vunpckhpd zmm31, zmm19, zmm18', '62 21 e5 40 15 fa', (c) => c.shuffle(Shuffle.highPairs, 31, 19, 18)],
  ['vshuff32x4 zmm10, zmm9, zmm8, 88h', '62 53 35 48 23 d0 88', (c) => c.shuffle(Shuffle.even, 10, 9, 8)],
  ['vshuff32x4 zmm30, zmm29, zmm28, DDh', '62 03 15 40 23 f4 dd', (c) => c.shuffle(Shuffle.odd, 30, 29, 28)],
  ['prefetcht0 [rsi + 64]', '48 0f 18 4e 40', (c) => c.prefetch({ base: rsi, displacement: 64 })],
  ['prefetchw [rsi + 8 r11]', '4a 0f 0d 0c de', (c) => c.prefetch({ base: rsi, index: r11, scale: 8 }, true)],
  ['kmovw k1, eax', 'c5 f8 92 c8', (c) => c.loadMask(1, rax)],
  ['vzeroupper', 'c5 f8 77', (c) => c.zeroUpper()],
  ['movsxd r9, [rsi + 36]', '4c 63 4e 24', (c) => c.loadInt(r9, { base: rsi, displacement: 36 })],
  ['lea r10, [rdi + 4 rax]', '4c 8d 14 87', (c) => c.addressOf(r10, { base: rdi, index: rax, scale: 4 })],
  ['mov r8, rcx', '49 89 c8', (c) => c.move(r8, rcx)],
  ['add rdi, r11', '4c 01 df', (c) => c.add(rdi, r11)],
  ['sub r12, 6', '49 83 ec 06', (c) => c.subtract(r12, 6)],
  ['cmp rax, 6', '48 83 f8 06', (c) => c.compare(rax, 6)],
  ['push r12', '41 54', (c) => c.push(r12)],
  ['pop rbx', '5b', (c) => c.pop(rbx)],
  ['ret', 'c3', (c) => c.return()],
]

test.each(instructions)('%s is %s', (_, bytes, write) => {
  const code = new Assembler()
  write(code)
  expect(Buffer.from(code.finish()).toString('hex')).toBe(bytes.replaceAll(' ', ''))
})

test('jumps go as far as their label is from their end, forward and back', () => {
  const code = new Assembler()
  code.label('back')
  code.jumpIf(Condition.notZero, 'on')
  code.jump('back')
  code.label('on')
  expect(Buffer.from(code.finish()).toString('hex')).toBe('0f8505000000' + 'e9f5ffffff')
})

test('a jump to nowhere is refused', () => {
  const code = new Assembler()
  code.jump('gone')
  expect(() => code.finish()).toThrow('no label gone')
})

/** Across the edges of strips (64 columns), of rows in registers (6 and 8) and of stretches (256 terms). */
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

const native = probeNative()
describe.skipIf(!native.available)(`products in machine code${native.available ? '' : ` (${native.reason})`}`, () => {
  test('have the bits of `wasm`, and leave everything else as it is', async () => {
    const [own, wasm] = [await makeBench('native'), await makeBench('wasm')]
    const same = (product: Product) => expectSame(multiply(own, product), multiply(wasm, product), 'C')
    for (const product of largeProducts) same(product)
    fc.assert(fc.property(products, same), { numRuns: 400 })
  })
})
