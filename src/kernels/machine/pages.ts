/** Memory that machine code can run in, from the system's own `mmap`. */
import { loadKoffi } from '../../native/koffi.ts'

/** Linux's numbers: protection and kind of a mapping. */
const READ = 1
const WRITE = 2
const EXECUTE = 4
const PRIVATE_ANONYMOUS = 0x22

/** Code begins at a cache line. */
const ALIGNMENT = 64

/**
 * Puts pieces of code where they can run, for as long as the process lives. They are written first and made executable then:
 * nothing is ever both.
 * @returns the address of the first, and how far from there each is
 * @throws Error where the system refuses
 */
export function install(pieces: readonly Uint8Array[]): { first: number; offsets: number[] } {
  const koffi = loadKoffi()
  const system = koffi.load(null)
  const map = system.func('void *mmap(uintptr_t, size_t, int, int, int, int64_t)') as (...args: number[]) => unknown
  const protect = system.func('int mprotect(void *, size_t, int)') as (
    at: unknown,
    length: number,
    how: number,
  ) => number
  const copy = system.func('void *memcpy(void *, const void *, size_t)') as (
    to: unknown,
    from: Uint8Array,
    n: number,
  ) => void
  const offsets: number[] = []
  let length = 0
  for (const piece of pieces) {
    offsets.push(length)
    length += Math.ceil(piece.length / ALIGNMENT) * ALIGNMENT
  }
  const all = new Uint8Array(length)
  pieces.forEach((piece, i) => all.set(piece, offsets[i]))
  const pages = map(0, length, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0)
  const address = Number(koffi.address(pages as object))
  if (address === 0 || address === 2 ** 64 - 1) throw new Error('the system gives no memory for machine code')
  copy(pages, all, length)
  if (protect(pages, length, READ | EXECUTE) !== 0)
    throw new Error('the system lets no memory be executed that was written')
  return { first: address, offsets }
}
