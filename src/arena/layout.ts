/**
 * Where things lie in the arena. A layout is a list of regions, aligned to 64 bytes (a cache line: two workers never
 * write to the same one by accident), without overlap, and knows its sum before a byte is asked for.
 */
import { UserError } from '../errors.ts'

export type RegionKind = 'float32' | 'float64' | 'int32'

export interface Region {
  readonly name: string
  readonly kind: RegionKind
  readonly offsetBytes: number
  readonly length: number
  readonly bytes: number
}

const ALIGNMENT_BYTES = 64
/** The WebAssembly instances keep their constants in the first 64 KiB; all of them write the same bytes there. */
export const RESERVED_BYTES = 65_536
/** A 32-bit WebAssembly memory. */
export const MAX_ARENA_BYTES = 65_536 * 65_536

const BYTES: Record<RegionKind, number> = { float32: 4, float64: 8, int32: 4 }

export class Layout {
  readonly regions: Region[] = []
  /** What takes the most, in a sentence for who is refused. */
  most = ''
  #end = RESERVED_BYTES

  /** Reserves `length` elements and returns their offset in elements of their own kind. */
  add(name: string, kind: RegionKind, length: number): number {
    const bytes = length * BYTES[kind]
    const offsetBytes = this.#end
    this.regions.push({ name, kind, offsetBytes, length, bytes })
    this.#end = Math.ceil((offsetBytes + bytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return offsetBytes / BYTES[kind]
  }

  get bytes(): number {
    return this.#end
  }

  /** Bytes by region name, in order, names that come several times added up. */
  summary(): Map<string, number> {
    const sums = new Map<string, number>()
    for (const { name, bytes } of this.regions) sums.set(name, (sums.get(name) ?? 0) + bytes)
    return sums
  }

  /** @throws UserError when the arena cannot hold this, with the sum by region */
  check(limitBytes = MAX_ARENA_BYTES): void {
    if (this.#end <= limitBytes) return
    const room = limitBytes < MAX_ARENA_BYTES ? 'the memory that this process may use' : 'the arena'
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
    const lines = [...this.summary()].map(([name, bytes]) => `  ${name.padEnd(16)} ${mib(bytes).padStart(12)}`)
    throw new UserError(
      `Expected the plan to fit in ${room}, ${mib(limitBytes)}, got ${mib(this.#end)}:\n${lines.join('\n')}\n${this.most}` +
        'Make `batchSize` smaller, raise `accumulationSteps`, use fewer units, or train on fewer rows (`data.limit`).',
    )
  }
}
