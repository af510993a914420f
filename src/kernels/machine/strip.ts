/**
 * A strip of a matrix product as machine code: c[i, j] (+)= sum of a[i, t] * b[t, j] over t, for up to 64 columns j.
 *
 * Sums of some rows lie in registers while t runs, each summed in the order of t, one rounding a term: the bits of the
 * `wasm` kernels, however a product is cut into strips and stretches of t. What is read and written next is asked for
 * ahead: a step's operands come from far off.
 */
import { AHEAD, LAST, argumentsOf } from './arguments.ts'
import { Assembler, Condition, Register } from './x86.ts'
import type { Address } from './x86.ts'

/** Elements of a vector, and vectors of a strip at the most. */
export const LANES = 16
export const MOST_VECTORS = 4

/** What a strip is told, int32 each: strides and offsets in elements, from the address that goes with them. */
export const Argument = {
  a: 0,
  aRow: 1,
  aTerm: 2,
  b: 3,
  bTerm: 4,
  c: 5,
  cRow: 6,
  rows: 7,
  terms: 8,
  /** Bits of the columns of the last vector that there are. */
  columns: 9,
} as const
export const ARGUMENTS = 10

const { rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15 } = Register

/** Where things are while a strip runs. */
const At = {
  a: rdx,
  aRow: r8,
  aTerm: r9,
  aRow3: r14,
  aRow5: r15,
  aRow7: rbp,
  b: r10,
  bTerm: r11,
  c: rcx,
  cRow: rbx,
  rows: r12,
  terms: r13,
  /** While sums run: the term's row of a, its row of b, terms left. */
  ofA: rsi,
  ofB: rdi,
  left: rax,
} as const
const SAVED = [rbx, rbp, r12, r13, r14, r15]

/** Vectors: sums first, then those of b, then elements of a. */
const FIRST_OF_B = 24
const FIRST_OF_A = 28
const VECTORS_OF_A = 4

/** Rows whose sums are in registers at once: as many as there is room for. More than 8 no addressing reaches. */
export const mostRows = (vectors: number): number => Math.min(8, Math.floor(FIRST_OF_B / vectors))

/**
 * Code for strips of `vectors` vectors; called with the address that offsets count from, and that of the arguments.
 * @param adds to what lies in c, instead of beginning with 0
 */
export function stripOf(vectors: number, adds: boolean): Uint8Array {
  const code = new Assembler()
  for (const register of SAVED) code.push(register)
  readArguments(code)
  const most = mostRows(vectors)
  code.label('next')
  code.compare(At.rows, most)
  code.jumpIf(Condition.below, `${most - 1}`)
  block(code, most, vectors, adds)
  code.subtract(At.rows, most)
  code.jump('next')
  for (let rows = most - 1; rows > 0; rows--) {
    code.label(`${rows}`)
    code.compare(At.rows, rows)
    code.jumpIf(Condition.below, `${rows - 1}`)
    block(code, rows, vectors, adds)
    code.jump('0')
  }
  code.label('0')
  for (const register of SAVED.toReversed()) code.pop(register)
  code.zeroUpper()
  code.return()
  return code.finish()
}

function readArguments(code: Assembler): void {
  const { number, pointer, stride, mask } = argumentsOf(code)
  mask(LAST, Argument.columns)
  pointer(At.a, Argument.a)
  pointer(At.b, Argument.b)
  pointer(At.c, Argument.c)
  stride(At.aRow, Argument.aRow)
  stride(At.aTerm, Argument.aTerm)
  stride(At.bTerm, Argument.bTerm)
  stride(At.cRow, Argument.cRow)
  number(At.rows, Argument.rows)
  number(At.terms, Argument.terms)
  code.addressOf(At.aRow3, { base: At.aRow, index: At.aRow, scale: 2 })
  code.addressOf(At.aRow5, { base: At.aRow, index: At.aRow, scale: 4 })
  code.addressOf(At.aRow7, { base: At.aRow3, index: At.aRow, scale: 4 })
}

/** Sums of `rows` rows; goes on to the rows behind them. */
function block(code: Assembler, rows: number, vectors: number, adds: boolean): void {
  const sum = (row: number, vector: number) => row * vectors + vector
  const eachOfC = (visit: (sum: number, address: Address, isLast: boolean) => void) => {
    for (let row = 0; row < rows; row++) {
      for (let v = 0; v < vectors; v++) visit(sum(row, v), { base: At.ofA, displacement: 64 * v }, v === vectors - 1)
      code.add(At.ofA, At.cRow)
    }
  }
  code.move(At.ofA, At.c)
  eachOfC((sum, address, isLast) => {
    if (adds) code.load(sum, address, isLast ? { mask: LAST, zero: true } : undefined)
    else {
      code.clear(sum)
      code.prefetch(address, true)
    }
  })
  // Now at the rows behind, which are read and added to next.
  if (adds) eachOfC((_, address) => code.prefetch(address, true))
  code.move(At.ofA, At.a)
  code.move(At.ofB, At.b)
  code.move(At.left, At.terms)
  const loop = `terms of ${rows}`
  code.label(loop)
  for (let v = 0; v < vectors; v++) {
    const masked = v === vectors - 1 ? { mask: LAST, zero: true } : undefined
    code.load(FIRST_OF_B + v, { base: At.ofB, displacement: 64 * v }, masked)
  }
  for (let row = 0; row < rows; row++) {
    const element = FIRST_OF_A + (row % VECTORS_OF_A)
    code.broadcast(element, rowOfA(row))
    for (let v = 0; v < vectors; v++) code.multiplyAdd(sum(row, v), element, FIRST_OF_B + v)
  }
  // Of a transposed a, the rows to come; b of one vector keeps loads busy as it is.
  code.prefetch({ base: At.ofA, displacement: 64 })
  if (vectors > 1) {
    for (let v = 0; v < vectors; v++)
      code.prefetch({ base: At.ofB, index: At.bTerm, scale: AHEAD, displacement: 64 * v })
  }
  code.add(At.ofA, At.aTerm)
  code.add(At.ofB, At.bTerm)
  code.subtract(At.left, 1)
  code.jumpIf(Condition.notZero, loop)
  code.move(At.ofA, At.c)
  eachOfC((sum, address, isLast) => code.store(sum, address, isLast ? { mask: LAST } : undefined))
  code.move(At.c, At.ofA)
  code.addressOf(At.a, rows === 8 ? { base: At.a, index: At.aRow, scale: 8 } : { ...rowOfA(rows), base: At.a })
}

/** The address of a row's element, 0 to 7. */
function rowOfA(row: number): Address {
  const base = At.ofA
  switch (row) {
    case 0:
      return { base }
    case 1:
    case 2:
    case 4:
      return { base, index: At.aRow, scale: row }
    case 3:
    case 6:
      return { base, index: At.aRow3, scale: row === 3 ? 1 : 2 }
    case 5:
      return { base, index: At.aRow5 }
    default:
      return { base, index: At.aRow7 }
  }
}
