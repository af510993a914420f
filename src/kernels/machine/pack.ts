/** The right-hand side of a product, brought to where a strip reads it from end to end: as machine code. */
import { AHEAD, argumentsOf } from './arguments.ts'
import { LINE } from './strip.ts'
import type { Shuffle } from './vector-assembler.ts'
import { VectorAssembler } from './vector-assembler.ts'
import type { VectorSet } from './vectors.ts'
import { Condition, Register } from './x86.ts'
import type { Address } from './x86.ts'

/** What packing is told, int32 each: offsets and strides in elements, and of the last vector what `VectorSet` has. */
export const PackArgument = { from: 0, fromRow: 1, to: 2, toRow: 3, count: 4, part: 5, groups: 6 } as const

const { rax, rbx, rcx, rdx, rsi, rdi, r8, r9, r10, r11 } = Register
const At = {
  from: rdx,
  fromRow: r8,
  to: rcx,
  toRow: r9,
  count: r10,
  row: rax,
  /** Of what is turned: groups left, where this one began, squares left. */
  groups: rbx,
  firstFrom: rdi,
  firstTo: rsi,
  left: r11,
} as const

/**
 * `count` rows of `strips` times `vectors` vectors, `fromRow` apart, to rows `toRow` apart.
 * @param apart elements from a strip to the next where they go
 */
export function copyOf(set: VectorSet, vectors: number, strips = 1, apart = 0): Uint8Array {
  const code = new VectorAssembler(set)
  readArguments(code)
  code.label('next')
  for (let i = 0; i < strips * vectors; i++) {
    const v = i % vectors
    const displacement = 4 * set.lanes * i
    const from = { base: At.from, displacement }
    if (i < strips * vectors - 1) code.load(v, from)
    else code.loadPart(v, from, vectors)
    if (displacement % LINE === 0) code.prefetch({ ...from, index: At.fromRow, scale: AHEAD })
    code.store(v, { base: At.to, displacement: 4 * (Math.floor(i / vectors) * apart + set.lanes * v) })
  }
  code.add(At.from, At.fromRow)
  code.add(At.to, At.toRow)
  code.subtract(At.count, 1)
  code.jumpIf(Condition.notZero, 'next')
  code.zeroUpper()
  code.return()
  return code.finish()
}

/**
 * Rows, `fromRow` apart, become columns: element t of row j goes to t * toRow + j. They are `groups` times as many as a vector
 * has elements, each `count` squares and a part of one, which is written as a whole one.
 */
export function turnOf(set: VectorSet): Uint8Array {
  const code = new VectorAssembler(set)
  code.push(At.groups)
  readArguments(code)
  argumentsOf(code).number(At.groups, PackArgument.groups)
  code.label('next group')
  code.move(At.firstFrom, At.from)
  code.move(At.firstTo, At.to)
  code.move(At.left, At.count)
  code.compare(At.left, 0)
  code.jumpIf(Condition.zero, 'last')
  code.label('next')
  square(code, (row, from) => code.load(row, from))
  code.addressOf(At.from, { base: At.from, displacement: 4 * set.lanes })
  code.subtract(At.left, 1)
  code.jumpIf(Condition.notZero, 'next')
  code.label('last')
  square(code, (row, from) => code.loadPart(row, from, set.registers - 1))
  code.move(At.from, At.firstFrom)
  for (let rows = 0; rows < set.lanes; rows += 8) {
    code.addressOf(At.from, { base: At.from, index: At.fromRow, scale: 8 })
  }
  code.addressOf(At.to, { base: At.firstTo, displacement: 4 * set.lanes })
  code.subtract(At.groups, 1)
  code.jumpIf(Condition.notZero, 'next group')
  code.pop(At.groups)
  code.zeroUpper()
  code.return()
  return code.finish()
}

/** Turns a square; goes on to where the next one belongs. */
function square(code: VectorAssembler, load: (row: number, from: Address) => void): void {
  const rows = Array.from({ length: code.set.lanes }, (_, row) => row)
  code.move(At.row, At.from)
  for (const row of rows) {
    load(row, { base: At.row })
    code.prefetch({ base: At.row, displacement: 2 * LINE })
    code.add(At.row, At.fromRow)
  }
  for (const register of turn(code, rows)) {
    code.store(register, { base: At.to })
    code.add(At.to, At.toRow)
  }
}

/**
 * The columns of a square: which registers hold them. Floats of two rows change places, then pairs, then 128 bits, near
 * ones and, of AVX-512, far ones; each time between the half of the registers that holds the square and the other half.
 */
function turn(code: VectorAssembler, rows: readonly number[]): number[] {
  const { lanes } = code.set
  const round = (from: readonly number[], apart: number, first: Shuffle, second: Shuffle): number[] => {
    const into = from.map((register) => register ^ lanes)
    from.forEach((register, i) => {
      if (i & apart) return
      code.shuffle(first, into[i]!, register, from[i | apart]!)
      code.shuffle(second, into[i | apart]!, register, from[i | apart]!)
    })
    return into
  }
  const floats = round(rows, 1, 'low', 'high')
  // In quarter q of vector 4 g + c lies, of rows 4 g to 4 g + 3, column 4 q + (the two bits of c, changed).
  let columns = round(floats, 2, 'lowPairs', 'highPairs')
  for (let apart = 4; apart < lanes; apart *= 2) columns = round(columns, apart, 'even', 'odd')
  return rows.map((column) => columns[placeOf(column)]!)
}

function placeOf(column: number): number {
  const [quarter, c] = [column >> 2, column & 3]
  return ((c & 1) << 1) | (c >> 1) | ((quarter & 1) << 2) | ((quarter >> 1) << 3)
}

function readArguments(code: VectorAssembler): void {
  const { number, pointer, stride, part } = argumentsOf(code)
  part(PackArgument.part)
  pointer(At.from, PackArgument.from)
  pointer(At.to, PackArgument.to)
  stride(At.fromRow, PackArgument.fromRow)
  stride(At.toRow, PackArgument.toRow)
  number(At.count, PackArgument.count)
}
