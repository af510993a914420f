/**
 * Instructions on vectors of floats: AVX-512 and AVX2 do the same on 16 and on 8 at once, and differ in how an instruction is
 * written down and in how a part of a vector is read and written. Encodings: Intel's Software Developer's Manual, volume 2
 * (VEX in 2.3, EVEX in 2.7; then each instruction's page).
 */
import type { VectorSet } from './vectors.ts'
import { Assembler, Register } from './x86.ts'
import type { Address } from './x86.ts'

/** Opcode maps of VEX and EVEX, and the prefixes that they stand for. */
const MAP_0F = 1
const MAP_0F38 = 2
const MAP_0F3A = 3
const NO_PREFIX = 0
const PREFIX_66 = 1

interface Opcode {
  readonly map: number
  readonly prefix: number
  readonly opcode: number
}

const LOAD: Opcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0x10 }
const STORE: Opcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0x11 }
const BROADCAST: Opcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0x18 }
const EXCLUSIVE_OR: Opcode = { map: MAP_0F, prefix: PREFIX_66, opcode: 0xef }
const MULTIPLY_ADD: Opcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0xb8 }
const SQUARE_ROOT: Opcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0x51 }
const COMPARE: Opcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0xc2 }
const AND: Opcode = { map: MAP_0F, prefix: PREFIX_66, opcode: 0xdb }
const AND_NOT: Opcode = { map: MAP_0F, prefix: PREFIX_66, opcode: 0xdf }
const LARGER_INTS: Opcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0x3d }
const LOAD_PART: Opcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0x2c }
const STORE_PART: Opcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0x2e }

/** Arithmetic, each element rounded: of two where one is NaN, `min` and `max` give the second. */
const arithmetic = { add: 0x58, multiply: 0x59, subtract: 0x5c, min: 0x5d, divide: 0x5e, max: 0x5f } as const

/** How floats are compared: less, and not less, which NaN is. */
const LESS = 1
const NOT_LESS = 5

/** What changes places between two vectors, within each 128 bits: the low or high floats, and pairs of floats .. */
const within = { low: 0x14, high: 0x15 } as const
/** .. and 128 bits at a time: those at even and at odd places, of the first vector, then of the second. */
const quarters = {
  'AVX-512': { opcode: 0x23, even: 0b10_00_10_00, odd: 0b11_01_11_01 },
  AVX2: { opcode: 0x06, even: 0b10_00_00, odd: 0b11_00_01 },
} as const

export type Shuffle = 'low' | 'high' | 'lowPairs' | 'highPairs' | 'even' | 'odd'

/** The masks of AVX-512: that of what was compared, and that of the part; and where AVX2 keeps its own, below the stack, where no call of ours reaches. */
const COMPARED = 2
const PART = 1
const KEPT: Address = { base: Register.rsp, displacement: -32 }
/** Bytes of eight floats that are there, and of eight that are not. */
const PARTS = Array.from({ length: 64 }, (_, i) => (i < 32 ? 255 : 0))

export class VectorAssembler extends Assembler {
  readonly set: VectorSet
  #readsParts = false

  constructor(set: VectorSet) {
    super()
    this.set = set
  }

  /** Takes what `set.part` told, at `address`; by way of rax, which keeps it, and rcx. */
  keepPart(address: Address): void {
    const { rax, rcx } = Register
    this.loadInt(rax, address)
    if (this.#isWide) {
      this.bytes.push(0xc5, 0xf8, 0x92, 0xc0 | (PART << 3) | rax)
      return
    }
    this.#readsParts = true
    this.addressOfLabel(rcx, 'parts')
    this.load(0, { base: rcx, index: rax, scale: 4 })
    this.store(0, KEPT)
  }

  override finish(): Uint8Array {
    if (this.#readsParts) {
      this.label('parts')
      this.bytes.push(...PARTS)
    }
    return super.finish()
  }

  get #isWide(): boolean {
    return this.set.name === 'AVX-512'
  }

  load(into: number, address: Address): void {
    this.#vector(LOAD, into, 0, address)
  }

  store(from: number, address: Address): void {
    this.#vector(STORE, from, 0, address)
  }

  /** The kept part; the rest = 0. AVX2 needs a vector to itself for that, `through`. */
  loadPart(into: number, address: Address, through: number): void {
    if (this.#isWide) return this.#vector(LOAD, into, 0, address, { mask: PART, zero: true })
    this.load(through, KEPT)
    this.#vector(LOAD_PART, into, through, address)
  }

  /** The kept part; the rest of the memory is left. */
  storePart(from: number, address: Address, through: number): void {
    if (this.#isWide) return this.#vector(STORE, from, 0, address, { mask: PART })
    this.load(through, KEPT)
    this.#vector(STORE_PART, from, through, address)
  }

  /** All elements = the float at `address`. */
  broadcast(into: number, address: Address): void {
    this.#vector(BROADCAST, into, 0, address, { unit: 4 })
  }

  /** All elements = 0. */
  clear(into: number): void {
    this.#vector(EXCLUSIVE_OR, into, into, into)
  }

  /** sum += left * right, rounded once. */
  multiplyAdd(sum: number, left: number, right: number): void {
    this.#vector(MULTIPLY_ADD, sum, left, right)
  }

  /** into = left `what` right */
  compute(what: keyof typeof arithmetic, into: number, left: number, right: number | Address): void {
    this.#vector({ map: MAP_0F, prefix: NO_PREFIX, opcode: arithmetic[what] }, into, left, right)
  }

  squareRoot(into: number, from: number): void {
    this.#vector(SQUARE_ROOT, into, 0, from)
  }

  /** Of the bits. */
  and(into: number, left: number, right: number): void {
    this.#vector(AND, into, left, right)
  }

  /** Of two int32 the larger. */
  largerInts(into: number, left: number, right: number): void {
    this.#vector(LARGER_INTS, into, left, right)
  }

  /** into = from, but 0 where size < least; `size` is lost. */
  zeroBelow(into: number, from: number, size: number, least: number): void {
    if (this.#isWide) {
      this.#vector(COMPARE, COMPARED, size, least)
      this.bytes.push(NOT_LESS)
      this.#vector(LOAD, into, 0, from, { mask: COMPARED, zero: true })
      return
    }
    this.#vector(COMPARE, size, size, least)
    this.bytes.push(LESS)
    this.#vector(AND_NOT, into, size, from)
  }

  shuffle(what: Shuffle, into: number, left: number, right: number): void {
    if (what === 'even' || what === 'odd') {
      const { opcode, [what]: choice } = quarters[this.set.name]
      this.#vector({ map: MAP_0F3A, prefix: PREFIX_66, opcode }, into, left, right)
      this.bytes.push(choice)
      return
    }
    const isDouble = what.endsWith('Pairs')
    const opcode = within[what.startsWith('low') ? 'low' : 'high']
    this.#vector({ map: MAP_0F, prefix: isDouble ? PREFIX_66 : NO_PREFIX, opcode }, into, left, right, { isDouble })
  }

  /** Ends the use of wide vectors: code without VEX is slow until then. */
  zeroUpper(): void {
    this.bytes.push(0xc5, 0xf8, 0x77)
  }

  #vector(op: Opcode, reg: number, second: number, rm: number | Address, how: Encoding = {}): void {
    if (this.#isWide) this.#evex(op, reg, second, rm, how)
    else this.#vex(op, reg, second, rm)
    this.bytes.push(op.opcode)
    if (typeof rm === 'number') this.bytes.push(0xc0 | ((reg & 7) << 3) | (rm & 7))
    else this.memory(reg & 7, rm, this.#isWide ? (how.unit ?? 64) : 1)
  }

  /** 256 bits. */
  #vex({ map, prefix }: Opcode, reg: number, second: number, rm: number | Address): void {
    const [x, b] = extensions(rm)
    this.bytes.push(0xc4, (not(reg >> 3) << 7) | (not(x) << 6) | (not(b) << 5) | map)
    this.bytes.push(((~second & 15) << 3) | 4 | prefix)
  }

  /** 512 bits. */
  #evex({ map, prefix }: Opcode, reg: number, second: number, rm: number | Address, how: Encoding): void {
    const [x, b] = extensions(rm)
    this.bytes.push(
      0x62,
      (not(reg >> 3) << 7) | (not(x) << 6) | (not(b) << 5) | (not(reg >> 4) << 4) | map,
      ((how.isDouble ? 1 : 0) << 7) | ((~second & 15) << 3) | 4 | prefix,
      ((how.zero ? 1 : 0) << 7) | (2 << 5) | (not(second >> 4) << 3) | (how.mask ?? 0),
    )
  }
}

/** What EVEX says besides. */
interface Encoding {
  /** Which elements an instruction touches: masks 1 to 7; the others are left, or become 0. */
  readonly mask?: number
  readonly zero?: boolean
  /** What short displacements count in. */
  readonly unit?: number
  readonly isDouble?: boolean
}

const not = (bit: number): number => 1 - (bit & 1)

/** The high bits of a vector's number, or of the registers of an address. */
function extensions(rm: number | Address): [x: number, b: number] {
  return typeof rm === 'number' ? [rm >> 4, rm >> 3] : [(rm.index ?? 0) >> 3, rm.base >> 3]
}
