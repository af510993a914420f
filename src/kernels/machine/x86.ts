/**
 * An assembler for the few instructions of x86-64 that products are made of. Encodings: Intel's Software Developer's
 * Manual, volume 2 (REX in 2.2.1, VEX in 2.3, EVEX in 2.7; then each instruction's page).
 */

/** General registers by the numbers that instructions know them by. */
export const Register = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const
export type Register = (typeof Register)[keyof typeof Register]

/** Memory at base + index * scale + displacement. */
export interface Address {
  readonly base: Register
  readonly index?: Register
  readonly scale?: 1 | 2 | 4 | 8
  readonly displacement?: number
}

/** Which elements of a vector an instruction touches: 1 to 7; the others are left, or become 0. */
export interface Masked {
  readonly mask: number
  readonly zero?: boolean
}

/** When a jump is taken, as the low half of its opcode. */
export const Condition = { zero: 4, notZero: 5, below: 2, notBelow: 3 } as const
export type Condition = (typeof Condition)[keyof typeof Condition]

/** Opcode maps of VEX and EVEX, and the prefixes that they stand for. */
const MAP_0F = 1
const MAP_0F38 = 2
const MAP_0F3A = 3
const NO_PREFIX = 0
const PREFIX_66 = 1

interface VectorOpcode {
  readonly map: number
  readonly prefix: number
  readonly opcode: number
}

const LOAD: VectorOpcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0x10 }
const STORE: VectorOpcode = { map: MAP_0F, prefix: NO_PREFIX, opcode: 0x11 }
const BROADCAST: VectorOpcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0x18 }
const EXCLUSIVE_OR: VectorOpcode = { map: MAP_0F, prefix: PREFIX_66, opcode: 0xef }
const MULTIPLY_ADD: VectorOpcode = { map: MAP_0F38, prefix: PREFIX_66, opcode: 0xb8 }

/** Opcodes of two bytes begin with 0F. */
const PREFETCH = 0x0f18
const PREFETCH_TO_WRITE = 0x0f0d

interface ShuffleOpcode extends VectorOpcode {
  readonly isDouble: boolean
  readonly choice?: number
}

/** What changes places between two vectors, within each 128 bits: the low or high floats, and pairs of floats .. */
const within = (opcode: number, isDouble: boolean): ShuffleOpcode => ({
  map: MAP_0F,
  prefix: isDouble ? PREFIX_66 : NO_PREFIX,
  opcode,
  isDouble,
})
/** .. and 128 bits at a time: two of the first vector, then two of the second, two bits each. */
const quarters = (choice: number): ShuffleOpcode => ({
  map: MAP_0F3A,
  prefix: PREFIX_66,
  opcode: 0x23,
  isDouble: false,
  choice,
})

export const Shuffle = {
  low: within(0x14, false),
  high: within(0x15, false),
  lowPairs: within(0x14, true),
  highPairs: within(0x15, true),
  /** Quarters 0 and 2 of both; 1 and 3 of both. */
  even: quarters(0b10_00_10_00),
  odd: quarters(0b11_01_11_01),
} as const

export class Assembler {
  readonly #bytes: number[] = []
  readonly #labels = new Map<string, number>()
  readonly #jumps: { at: number; label: string }[] = []

  /** The machine code, all jumps resolved. */
  finish(): Uint8Array {
    const code = Uint8Array.from(this.#bytes)
    const view = new DataView(code.buffer)
    for (const { at, label } of this.#jumps) {
      const target = this.#labels.get(label)
      if (target === undefined) throw new Error(`internal: no label ${label}`)
      view.setInt32(at, target - (at + 4), true)
    }
    return code
  }

  label(name: string): void {
    this.#labels.set(name, this.#bytes.length)
  }

  jump(label: string): void {
    this.#bytes.push(0xe9)
    this.#target(label)
  }

  jumpIf(condition: Condition, label: string): void {
    this.#bytes.push(0x0f, 0x80 | condition)
    this.#target(label)
  }

  #target(label: string): void {
    this.#jumps.push({ at: this.#bytes.length, label })
    this.#bytes.push(0, 0, 0, 0)
  }

  push(register: Register): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x50 | (register & 7))
  }

  pop(register: Register): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x58 | (register & 7))
  }

  return(): void {
    this.#bytes.push(0xc3)
  }

  /** into = from */
  move(into: Register, from: Register): void {
    this.#plain(0x89, from, into)
  }

  /** into = the int32 at `address`, as an int64. */
  loadInt(into: Register, address: Address): void {
    this.#plain(0x63, into, address)
  }

  /** into = address */
  addressOf(into: Register, address: Address): void {
    this.#plain(0x8d, into, address)
  }

  /** into += from */
  add(into: Register, from: Register): void {
    this.#plain(0x01, from, into)
  }

  /** into -= value, which sets what jumps go by. */
  subtract(into: Register, value: number): void {
    this.#plain(0x83, 5, into)
    this.#bytes.push(value)
  }

  /** Sets what jumps go by to how `register` compares to `value`, below 128. */
  compare(register: Register, value: number): void {
    this.#plain(0x83, 7, register)
    this.#bytes.push(value)
  }

  /** The low 16 bits of `from` become a mask. */
  loadMask(mask: number, from: Register): void {
    if (from >= 8) throw new Error('internal: kmovw takes a low register here')
    this.#bytes.push(0xc5, 0xf8, 0x92, 0xc0 | (mask << 3) | from)
  }

  /** Ends the use of wide vectors: code without VEX is slow until then. */
  zeroUpper(): void {
    this.#bytes.push(0xc5, 0xf8, 0x77)
  }

  load(into: number, address: Address, masked?: Masked): void {
    this.#wide(LOAD, into, 0, address, 64, masked)
  }

  store(from: number, address: Address, masked?: Masked): void {
    this.#wide(STORE, from, 0, address, 64, masked)
  }

  /** All elements = the float at `address`. */
  broadcast(into: number, address: Address): void {
    this.#wide(BROADCAST, into, 0, address, 4)
  }

  /** All elements = 0. */
  clear(into: number): void {
    this.#wide(EXCLUSIVE_OR, into, into, into, 64)
  }

  /** An instruction of two vectors and, for some, a choice of their parts: `Shuffle`. */
  shuffle({ choice, ...op }: ShuffleOpcode, into: number, left: number, right: number): void {
    this.#wide(op, into, left, right, 64, undefined, op.isDouble)
    if (choice !== undefined) this.#bytes.push(choice)
  }

  /** Brings a line into the nearest cache; `toWrite`: as the only copy. */
  prefetch(address: Address, toWrite = false): void {
    this.#plain(toWrite ? PREFETCH_TO_WRITE : PREFETCH, 1, address)
  }

  /** sum += left * right, rounded once. */
  multiplyAdd(sum: number, left: number, right: number): void {
    this.#wide(MULTIPLY_ADD, sum, left, right, 64)
  }

  /** An instruction on 64-bit registers: `field` a register or a part of the opcode. */
  #plain(opcode: number, field: number, rm: Register | Address): void {
    const { base, index } = typeof rm === 'number' ? { base: rm, index: 0 } : { base: rm.base, index: rm.index ?? 0 }
    this.#bytes.push(0x48 | ((field >> 3) << 2) | ((index >> 3) << 1) | (base >> 3))
    if (opcode > 255) this.#bytes.push(opcode >> 8)
    this.#bytes.push(opcode & 255)
    if (typeof rm === 'number') this.#bytes.push(0xc0 | ((field & 7) << 3) | (rm & 7))
    else this.#memory(field & 7, rm, 1)
  }

  /** An instruction on vectors of 512 bits. @param unit that short displacements count in */
  #wide(
    op: VectorOpcode,
    reg: number,
    second: number,
    rm: number | Address,
    unit: number,
    masked?: Masked,
    isDouble = false,
  ): void {
    const [x, b] = typeof rm === 'number' ? [rm >> 4, (rm >> 3) & 1] : [(rm.index ?? 0) >> 3, rm.base >> 3]
    const not = (bit: number) => 1 - (bit & 1)
    this.#bytes.push(
      0x62,
      (not(reg >> 3) << 7) | (not(x) << 6) | (not(b) << 5) | (not(reg >> 4) << 4) | op.map,
      ((isDouble ? 1 : 0) << 7) | ((~second & 15) << 3) | 4 | op.prefix,
      ((masked?.zero ? 1 : 0) << 7) | (2 << 5) | (not(second >> 4) << 3) | (masked?.mask ?? 0),
      op.opcode,
    )
    if (typeof rm === 'number') this.#bytes.push(0xc0 | ((reg & 7) << 3) | (rm & 7))
    else this.#memory(reg & 7, rm, unit)
  }

  /** ModRM, SIB and displacement. */
  #memory(field: number, { base, index, scale = 1, displacement = 0 }: Address, unit: number): void {
    const short = displacement % unit === 0 && Math.abs(displacement / unit) < 128
    // Without a displacement, rbp and r13 mean something else.
    const mode = displacement === 0 && (base & 7) !== 5 ? 0 : short ? 1 : 2
    if (index === undefined && (base & 7) !== 4) this.#bytes.push((mode << 6) | (field << 3) | (base & 7))
    else {
      const scaled = index === undefined ? 4 : (Math.log2(scale) << 6) | ((index & 7) << 3)
      this.#bytes.push(
        (mode << 6) | (field << 3) | 4,
        index === undefined ? (scaled << 3) | (base & 7) : scaled | (base & 7),
      )
    }
    if (mode === 1) this.#bytes.push((displacement / unit) & 255)
    if (mode === 2) for (let byte = 0; byte < 4; byte++) this.#bytes.push((displacement >> (8 * byte)) & 255)
  }
}
