/** The pieces of machine code, and where they lie. */
import { adamOf } from './adam.ts'
import { runOf } from './calls.ts'
import { copyOf, turnOf } from './pack.ts'
import { install } from './pages.ts'
import { STRIPS, stripElements } from './product.ts'
import { stripOf } from './strip.ts'
import type { VectorSet } from './vectors.ts'

/** The same in all threads of the process; by number of vectors where there are several. */
export interface MachineCode {
  readonly set: VectorSet['name']
  /** The address of the first piece, which works off a list of calls; of the others, how far from there. */
  readonly first: number
  readonly strips: readonly number[]
  /** Strips that add to what is there. */
  readonly adding: readonly number[]
  readonly copies: readonly number[]
  /** Of `STRIPS` strips at once, as wide as can be. */
  readonly wideCopy: number
  readonly turn: number
  readonly adam: number
}

/** @throws Error where the system lets no memory be executed */
export function installCode(set: VectorSet): MachineCode {
  const most = set.mostVectors
  const each = (of: (vectors: number) => Uint8Array) => Array.from({ length: most }, (_, i) => of(i + 1))
  const { first, offsets } = install([
    runOf(),
    ...each((vectors) => stripOf(set, vectors, false)),
    ...each((vectors) => stripOf(set, vectors, true)),
    ...each((vectors) => copyOf(set, vectors)),
    copyOf(set, most, STRIPS, stripElements(set)),
    turnOf(set),
    adamOf(set),
  ])
  const [strips, adding, copies] = [0, 1, 2].map((i) => offsets.slice(1 + i * most, 1 + (i + 1) * most))
  const [wideCopy, turn, adam] = offsets.slice(-3)
  return {
    set: set.name,
    first,
    strips: strips!,
    adding: adding!,
    copies: copies!,
    wideCopy: wideCopy!,
    turn: turn!,
    adam: adam!,
  }
}
