/**
 * A strip of a matrix product as machine code: c[i, j] (+)= sum of a[i, t] * b[t, j] over t, for a few vectors of columns j.
 *
 * Sums of some rows lie in registers while t runs, each summed in the order of t, one rounding a term: the bits of the
 * `wasm` kernels, however a product is cut into strips and stretches of t. What is read and written next is asked for
 * ahead: a step's operands come from far off.
 */
import { AHEAD, argumentsOf } from './arguments.ts'
import { VectorAssembler } from './vector-assembler.ts'
import type { VectorSet } from './vectors.ts'
import { Condition, Register } from './x86.ts'
import type { Address } from './x86.ts'

/** Bytes of a cache line. */
export const LINE = 64

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
  /** Of the last vector, as `VectorSet` has it. */
  part: 9,
} as const

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
  /** Before the first sums: what was told of the last vector. */
  part: rax,
  /** While sums run: the term's row of a, its row of b, terms left. */
  ofA: rsi,
  ofB: rdi,
  left: rax,
} as const
const SAVED = [rbx, rbp, r12, r13, r14, r15]

/** Rows whose sums are in registers at once: as many as there is room for. More than 8 no addressing reaches. */
export const mostRows = ({ sums }: VectorSet, vectors: number): number => Math.min(8, Math.floor(sums / vectors))

/**
 * Code for strips of `vectors` vectors; called with the address that offsets count from, and that of the arguments.
 * @param adds to what lies in c, instead of beginning with 0
 */
export function stripOf(set: VectorSet, vectors: number, adds: boolean): Uint8Array {
  const code = new VectorAssembler(set)
  for (const register of SAVED) code.push(register)
  readArguments(code)
  if (!set.partsAreFree) {
    code.compare(At.part, set.part(set.lanes))
    code.jumpIf(Condition.notZero, 'a part')
    strip(code, 'whole', vectors, adds)
    code.label('a part')
  }
  strip(code, 'part', vectors, adds)
  return code.finish()
}

/** All rows. @param last whether the last vector may be a part of one */
function strip(code: VectorAssembler, last: 'part' | 'whole', vectors: number, adds: boolean): void {
  const most = mostRows(code.set, vectors)
  const label = (rows: number) => `${rows} rows, ${last}`
  code.label(`next, ${last}`)
  code.compare(At.rows, most)
  code.jumpIf(Condition.below, label(most - 1))
  block(code, most, vectors, adds, last)
  code.subtract(At.rows, most)
  code.jump(`next, ${last}`)
  for (let rows = most - 1; rows > 0; rows--) {
    code.label(label(rows))
    code.compare(At.rows, rows)
    code.jumpIf(Condition.below, label(rows - 1))
    block(code, rows, vectors, adds, last)
    code.jump(label(0))
  }
  code.label(label(0))
  for (const register of SAVED.toReversed()) code.pop(register)
  code.zeroUpper()
  code.return()
}

function readArguments(code: VectorAssembler): void {
  const { number, pointer, stride, part } = argumentsOf(code)
  part(Argument.part)
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
function block(code: VectorAssembler, rows: number, vectors: number, adds: boolean, last: 'part' | 'whole'): void {
  const { lanes, sums, mostVectors, registers } = code.set
  // Vectors: sums first, then those of b, then elements of a.
  const [ofB, ofA] = [sums, sums + mostVectors]
  const sum = (row: number, vector: number) => row * vectors + vector
  const isPart = (vector: number) => last === 'part' && vector === vectors - 1
  const load = (into: number, address: Address, vector: number) =>
    isPart(vector) ? code.loadPart(into, address, ofA) : code.load(into, address)
  const eachOfC = (visit: (sum: number, address: Address, vector: number) => void) => {
    for (let row = 0; row < rows; row++) {
      for (let v = 0; v < vectors; v++) visit(sum(row, v), { base: At.ofA, displacement: 4 * lanes * v }, v)
      code.add(At.ofA, At.cRow)
    }
  }
  const prefetch = (address: Address, toWrite = false) => {
    if (address.displacement! % LINE === 0) code.prefetch(address, toWrite)
  }
  code.move(At.ofA, At.c)
  eachOfC((sum, address, vector) => {
    if (adds) load(sum, address, vector)
    else {
      code.clear(sum)
      prefetch(address, true)
    }
  })
  // Now at the rows behind, which are read and added to next.
  if (adds) eachOfC((_, address) => prefetch(address, true))
  code.move(At.ofA, At.a)
  code.move(At.ofB, At.b)
  code.move(At.left, At.terms)
  const loop = `terms of ${rows}, ${last}`
  code.label(loop)
  for (let v = 0; v < vectors; v++) load(ofB + v, { base: At.ofB, displacement: 4 * lanes * v }, v)
  for (let row = 0; row < rows; row++) {
    const element = ofA + (row % (registers - ofA))
    code.broadcast(element, rowOfA(row))
    for (let v = 0; v < vectors; v++) code.multiplyAdd(sum(row, v), element, ofB + v)
  }
  // Of a transposed a, the rows to come; b of one vector keeps loads busy as it is.
  code.prefetch({ base: At.ofA, displacement: LINE })
  if (vectors > 1) {
    for (let v = 0; v < vectors; v++)
      prefetch({ base: At.ofB, index: At.bTerm, scale: AHEAD, displacement: 4 * lanes * v })
  }
  code.add(At.ofA, At.aTerm)
  code.add(At.ofB, At.bTerm)
  code.subtract(At.left, 1)
  code.jumpIf(Condition.notZero, loop)
  code.move(At.ofA, At.c)
  eachOfC((sum, address, vector) => (isPart(vector) ? code.storePart(sum, address, ofA) : code.store(sum, address)))
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
