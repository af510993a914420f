/**
 * An assembler for the few instructions of x86-64 that products are made of, but those on vectors. Encodings: Intel's
 * Software Developer's Manual, volume 2 (REX in 2.2.1; then each instruction's page).
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

/** When a jump is taken, as the low half of its opcode. */
export const Condition = { zero: 4, notZero: 5, below: 2, notBelow: 3 } as const
export type Condition = (typeof Condition)[keyof typeof Condition]

/** Opcodes of two bytes begin with 0F. */
const PREFETCH = 0x0f18
const PREFETCH_TO_WRITE = 0x0f0d

export class Assembler {
  protected readonly bytes: number[] = []
  readonly #labels = new Map<string, number>()
  readonly #targets: { at: number; label: string }[] = []

  /** The machine code, with all labels resolved. */
  finish(): Uint8Array {
    const code = Uint8Array.from(this.bytes)
    const view = new DataView(code.buffer)
    for (const { at, label } of this.#targets) {
      const target = this.#labels.get(label)
      if (target === undefined) throw new Error(`internal: no label ${label}`)
      view.setInt32(at, target - (at + 4), true)
    }
    return code
  }

  label(name: string): void {
    this.#labels.set(name, this.bytes.length)
  }

  jump(label: string): void {
    this.bytes.push(0xe9)
    this.#target(label)
  }

  jumpIf(condition: Condition, label: string): void {
    this.bytes.push(0x0f, 0x80 | condition)
    this.#target(label)
  }

  /** Calls the code at the address in `register`. */
  call(register: Register): void {
    if (register >= 8) this.bytes.push(0x41)
    this.bytes.push(0xff, 0xd0 | (register & 7))
  }

  /** into = where `label` is */
  addressOfLabel(into: Register, label: string): void {
    this.bytes.push(0x48 | ((into >> 3) << 2), 0x8d, ((into & 7) << 3) | 5)
    this.#target(label)
  }

  #target(label: string): void {
    this.#targets.push({ at: this.bytes.length, label })
    this.bytes.push(0, 0, 0, 0)
  }

  push(register: Register): void {
    if (register >= 8) this.bytes.push(0x41)
    this.bytes.push(0x50 | (register & 7))
  }

  pop(register: Register): void {
    if (register >= 8) this.bytes.push(0x41)
    this.bytes.push(0x58 | (register & 7))
  }

  return(): void {
    this.bytes.push(0xc3)
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

  /** into -= from */
  subtractFrom(into: Register, from: Register): void {
    this.#plain(0x29, from, into)
  }

  /** into -= value, which sets what jumps go by. */
  subtract(into: Register, value: number): void {
    this.#plain(0x83, 5, into)
    this.bytes.push(value)
  }

  /** Sets what jumps go by to how `register` compares to `value`, below 128. */
  compare(register: Register, value: number): void {
    this.#plain(0x83, 7, register)
    this.bytes.push(value)
  }

  /** Brings a line into the nearest cache; `toWrite`: as the only copy. */
  prefetch(address: Address, toWrite = false): void {
    this.#plain(toWrite ? PREFETCH_TO_WRITE : PREFETCH, 1, address)
  }

  /** An instruction on 64-bit registers: `field` a register or a part of the opcode. */
  #plain(opcode: number, field: number, rm: Register | Address): void {
    const { base, index } = typeof rm === 'number' ? { base: rm, index: 0 } : { base: rm.base, index: rm.index ?? 0 }
    this.bytes.push(0x48 | ((field >> 3) << 2) | ((index >> 3) << 1) | (base >> 3))
    if (opcode > 255) this.bytes.push(opcode >> 8)
    this.bytes.push(opcode & 255)
    if (typeof rm === 'number') this.bytes.push(0xc0 | ((field & 7) << 3) | (rm & 7))
    else this.memory(field & 7, rm, 1)
  }

  /** ModRM, SIB and displacement. @param unit that short displacements count in */
  protected memory(field: number, { base, index, scale = 1, displacement = 0 }: Address, unit: number): void {
    const short = displacement % unit === 0 && Math.abs(displacement / unit) < 128
    // Without a displacement, rbp and r13 mean something else.
    const mode = displacement === 0 && (base & 7) !== 5 ? 0 : short ? 1 : 2
    if (index === undefined && (base & 7) !== 4) this.bytes.push((mode << 6) | (field << 3) | (base & 7))
    else {
      const scaled = index === undefined ? 4 : (Math.log2(scale) << 6) | ((index & 7) << 3)
      this.bytes.push(
        (mode << 6) | (field << 3) | 4,
        index === undefined ? (scaled << 3) | (base & 7) : scaled | (base & 7),
      )
    }
    if (mode === 1) this.bytes.push((displacement / unit) & 255)
    if (mode === 2) for (let byte = 0; byte < 4; byte++) this.bytes.push((displacement >> (8 * byte)) & 255)
  }
}
