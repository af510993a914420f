/**
 * The arena: one shared WebAssembly.Memory that the host and every worker see, and the views on it.
 * Everything a step touches lies here, so nothing is copied between threads and nothing is allocated per step.
 */
import { UserError } from '../errors.ts'
import type { Layout } from './layout.ts'

const PAGE_BYTES = 65_536

export interface Arena {
  readonly memory: WebAssembly.Memory
  readonly floats: Float32Array<ArrayBuffer>
  readonly doubles: Float64Array<ArrayBuffer>
  readonly words: Int32Array<ArrayBuffer>
}

/**
 * @param spare an earlier arena's memory, which nobody uses any more: taken where it is large enough
 * @throws UserError when the layout is larger than an arena may be, or than the machine can give
 */
export function createArena(layout: Layout, spare?: WebAssembly.Memory): Arena {
  layout.check()
  if (spare && spare.buffer.byteLength >= layout.bytes) {
    new Uint8Array(spare.buffer).fill(0)
    return openArena(spare)
  }
  const pages = Math.ceil(layout.bytes / PAGE_BYTES)
  try {
    return openArena(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }))
  } catch (cause) {
    const mib = ((pages * PAGE_BYTES) / 2 ** 20).toFixed(0)
    throw new UserError(`Expected ${mib} MiB of shared memory for the arena, but the system refused it.`, { cause })
  }
}

/** Views on an arena another thread made. */
export function openArena(memory: WebAssembly.Memory): Arena {
  // The buffer is shared; the casts say to TypeScript what typed arrays' own signatures lost.
  const buffer = memory.buffer as unknown as ArrayBuffer
  return {
    memory,
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
    words: new Int32Array(buffer),
  }
}
