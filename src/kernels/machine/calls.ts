/** Calls of pieces of machine code, one after another: entering it from JavaScript takes as long as a small strip. */
import { loadKoffi } from '../../native/koffi.ts'
import { Assembler, Condition, Register } from './x86.ts'

/** A call, int32 each: where the piece is, from the first piece on, and its arguments. 0, the first piece itself, ends a list. */
const CALL = 16
/** Calls of a list at the most. */
const MOST_CALLS = 64

const { rax, rbx, rdi, rsi, r12, r13 } = Register

/** The first piece, which works off a list: called with what each piece is called with, and the address of the list. */
export function runOf(): Uint8Array {
  const code = new Assembler()
  code.label('first piece')
  for (const register of [rbx, r12, r13]) code.push(register)
  code.move(rbx, rdi)
  code.move(r12, rsi)
  code.addressOfLabel(r13, 'first piece')
  code.label('next')
  code.loadInt(rax, { base: r12 })
  code.compare(rax, 0)
  code.jumpIf(Condition.zero, 'end')
  code.add(rax, r13)
  code.move(rdi, rbx)
  code.addressOf(rsi, { base: r12, displacement: 4 })
  code.call(rax)
  code.addressOf(r12, { base: r12, displacement: 4 * CALL })
  code.jump('next')
  code.label('end')
  for (const register of [r13, r12, rbx]) code.pop(register)
  code.return()
  return code.finish()
}

/** A list of calls for one thread; pieces reach what lies in `floats`. */
export class Calls {
  /** Where arguments go. */
  readonly arguments = new Int32Array(new ArrayBuffer(4 * (MOST_CALLS + 1) * CALL))
  #length = 0
  readonly #run: () => void

  /** @param first address of the first piece */
  constructor(first: number, floats: Float32Array) {
    const koffi = loadKoffi()
    // koffi 3.3 takes the memory of a thread's calls when the thread first loads a library; without it a call ends the process.
    koffi.load(null)
    const prototype = koffi.proto('void', ['uintptr_t', 'uintptr_t'])
    const run = koffi.decode(BigInt(first), prototype) as (base: number, list: number) => void
    const [base, list] = [floats, this.arguments].map((array) => Number(koffi.address(array)))
    this.#run = () => run(base!, list!)
  }

  /** @returns where in `arguments` those of this call begin */
  add(piece: number): number {
    if (this.#length === MOST_CALLS) this.run()
    const at = CALL * this.#length++
    this.arguments[at] = piece
    return at + 1
  }

  /** Works them off. */
  run(): void {
    this.arguments[CALL * this.#length] = 0
    this.#length = 0
    this.#run()
  }
}
