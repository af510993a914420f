/** The right-hand side of a product, brought to where a strip reads it from end to end: as machine code. */
import { AHEAD, LAST, argumentsOf } from './arguments.ts'
import { LANES } from './strip.ts'
import { Assembler, Condition, Register, Shuffle } from './x86.ts'

/** What packing is told, int32 each: offsets and strides in elements. */
export const PackArgument = { from: 0, fromRow: 1, to: 2, toRow: 3, count: 4, columns: 5 } as const
export const PACK_ARGUMENTS = 6

const { rax, rcx, rdx, r8, r9, r10 } = Register
const At = { from: rdx, fromRow: r8, to: rcx, toRow: r9, count: r10, row: rax } as const

/** `count` rows of `vectors` vectors, `fromRow` apart, to rows `toRow` apart. */
export function copyOf(vectors: number): Uint8Array {
  const code = new Assembler()
  readArguments(code)
  code.label('next')
  for (let v = 0; v < vectors; v++) {
    const displacement = 64 * v
    code.load(v, { base: At.from, displacement }, v === vectors - 1 ? { mask: LAST, zero: true } : undefined)
    code.prefetch({ base: At.from, index: At.fromRow, scale: AHEAD, displacement })
    code.store(v, { base: At.to, displacement })
  }
  code.add(At.from, At.fromRow)
  code.add(At.to, At.toRow)
  code.subtract(At.count, 1)
  code.jumpIf(Condition.notZero, 'next')
  code.zeroUpper()
  code.return()
  return code.finish()
}

/** 16 rows of `count` x 16 elements, `fromRow` apart, become columns: element t of row j goes to t * toRow + j. */
export function turnOf(): Uint8Array {
  const code = new Assembler()
  readArguments(code)
  code.label('next')
  const rows = Array.from({ length: LANES }, (_, row) => row)
  code.move(At.row, At.from)
  for (const row of rows) {
    code.load(row, { base: At.row })
    code.prefetch({ base: At.row, displacement: 128 })
    code.add(At.row, At.fromRow)
  }
  const turned = turn(code, rows)
  for (const register of turned) {
    code.store(register, { base: At.to })
    code.add(At.to, At.toRow)
  }
  code.addressOf(At.from, { base: At.from, displacement: 4 * LANES })
  code.subtract(At.count, 1)
  code.jumpIf(Condition.notZero, 'next')
  code.zeroUpper()
  code.return()
  return code.finish()
}

/**
 * The columns of 16 vectors of 16 floats: which registers hold them. Floats of two rows change places, then pairs, then
 * quarters of a vector, then again; each time between the 16 registers that hold the matrix and the 16 others.
 */
function turn(code: Assembler, rows: readonly number[]): number[] {
  const round = (
    from: readonly number[],
    apart: number,
    [first, second]: readonly (keyof typeof Shuffle)[],
  ): number[] => {
    const into = from.map((register) => register ^ LANES)
    from.forEach((register, i) => {
      if (i & apart) return
      code.shuffle(Shuffle[first!], into[i]!, register, from[i | apart]!)
      code.shuffle(Shuffle[second!], into[i | apart]!, register, from[i | apart]!)
    })
    return into
  }
  const floats = round(rows, 1, ['low', 'high'])
  const pairs = round(floats, 2, ['lowPairs', 'highPairs'])
  // In quarter q of vector 4 g + c lies, of rows 4 g to 4 g + 3, column 4 q + (the two bits of c, changed).
  const eighths = round(pairs, 4, ['even', 'odd'])
  const whole = round(eighths, 8, ['even', 'odd'])
  return rows.map((column) => whole[placeOf(column)]!)
}

function placeOf(column: number): number {
  const [quarter, c] = [column >> 2, column & 3]
  return ((c & 1) << 1) | (c >> 1) | ((quarter & 1) << 2) | ((quarter >> 1) << 3)
}

function readArguments(code: Assembler): void {
  const { number, pointer, stride, mask } = argumentsOf(code)
  mask(LAST, PackArgument.columns)
  pointer(At.from, PackArgument.from)
  pointer(At.to, PackArgument.to)
  stride(At.fromRow, PackArgument.fromRow)
  stride(At.toRow, PackArgument.toRow)
  number(At.count, PackArgument.count)
}
