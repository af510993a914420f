/** How a piece of machine code learns what to do: it is called with the address that offsets count from, and that of int32s. */
import type { VectorAssembler } from './vector-assembler.ts'
import { Register } from './x86.ts'

const { rdi, rsi } = Register

/** Reads them into registers, by where they stand in the list. They lie in rdi and rsi until the last is read. */
export function argumentsOf(code: VectorAssembler) {
  const [base, list] = [rdi, rsi]
  const number = (into: Register, at: number): void => code.loadInt(into, { base: list, displacement: 4 * at })
  return {
    number,
    /** An offset in elements, as an address. */
    pointer(into: Register, at: number): void {
      number(into, at)
      code.addressOf(into, { base, index: into, scale: 4 })
    },
    /** Elements, as bytes. */
    stride(into: Register, at: number): void {
      number(into, at)
      code.add(into, into)
      code.add(into, into)
    },
    /** What there is of the last vector; rax keeps what was told, rcx is lost. */
    part(at: number): void {
      code.keepPart({ base: list, displacement: 4 * at })
    },
  }
}

/** Rows ahead of the one at hand, of which the lines are asked for: about as long as they take from the second-level cache. */
export const AHEAD = 8
