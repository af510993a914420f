/**
 * The arena: one shared WebAssembly.Memory that the host and every worker see, and the views on it.
 * Everything a step touches lies here, so nothing is copied between threads and nothing is allocated per step.
 */
import { UserError } from '../errors.ts'
import { ownLimits, usableMemory } from '../native/limits.ts'
import { MAX_ARENA_BYTES, RESERVED_BYTES } from './layout.ts'
import type { Layout } from './layout.ts'
import { inSlices } from './turns.ts'

const PAGE_BYTES = 65_536
/** Of a trainer's memory beyond what its first run asks for: a longer one's telemetry. Untouched, it costs nothing. */
const SLACK_PAGES = 256

/** Some hundred microseconds' work. */
const CLEARED_BYTES = 2 ** 20

export interface Arena {
  readonly memory: WebAssembly.Memory
  readonly floats: Float32Array<ArrayBuffer>
  readonly doubles: Float64Array<ArrayBuffer>
  readonly words: Int32Array<ArrayBuffer>
}

/**
 * The memory of an arena that nobody uses any more, for the next one. Threads would keep it until they collect garbage,
 * which they never need to; and fresh memory costs a page fault per 4 KiB.
 */
export class Spare {
  #memory: WebAssembly.Memory | undefined
  /** Bytes of it that need not be zero: to touch the others would cost their page faults. */
  #used = 0

  keep({ arena: { memory }, plan: { layout } }: { arena: Arena; plan: { layout: Layout } }): void {
    if (this.#memory && memory.buffer.byteLength <= this.#memory.buffer.byteLength) return
    this.#memory = memory
    this.#used = layout.bytes
  }

  /** Has memory for such an arena ready. @throws UserError as `createArena` does */
  reserve(layout: Layout): void {
    if ((this.#memory?.buffer.byteLength ?? 0) >= layout.bytes) return
    this.#memory = allocate(layout, SLACK_PAGES)
    this.#used = 0
  }

  /** Makes zeros of it, if it is enough for such an arena: to be awaited before it is taken. */
  async clear(layout: Layout): Promise<void> {
    const memory = this.#memory
    if (!memory || memory.buffer.byteLength < layout.bytes) return
    // But the kernels' constants, which instances on it may still need.
    const bytes = new Uint8Array(memory.buffer, RESERVED_BYTES)
    await inSlices(this.#used - RESERVED_BYTES, (start, end) => bytes.fill(0, start, end), CLEARED_BYTES)
    this.#used = 0
  }

  /** Gives it away: zeros, and enough of them for such an arena, or nothing. */
  take(layout: Layout): WebAssembly.Memory | undefined {
    const memory = this.#memory
    this.#memory = undefined
    return this.#used === 0 && memory && memory.buffer.byteLength >= layout.bytes ? memory : undefined
  }

  drop(): void {
    this.#memory = undefined
  }
}

/**
 * @param spare its memory is taken, where it is large enough
 * @throws UserError when the layout is larger than an arena may be, or than the machine can give
 */
export function createArena(layout: Layout, spare?: Spare): Arena {
  return openArena(spare?.take(layout) ?? allocate(layout))
}

/** Before memory is asked for: a control group ends a process that goes beyond, without a word. @throws UserError */
export function checkRoom(layout: Layout): void {
  layout.check(Math.min(MAX_ARENA_BYTES, usableMemory(ownLimits())))
}

function allocate(layout: Layout, slack = 0): WebAssembly.Memory {
  checkRoom(layout)
  const pages = Math.min(Math.ceil(layout.bytes / PAGE_BYTES) + slack, MAX_ARENA_BYTES / PAGE_BYTES)
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  } catch (cause) {
    const mib = ((pages * PAGE_BYTES) / 2 ** 20).toFixed(0)
    const advice =
      ownLimits().addressLimitBytes === undefined
        ? 'Free some memory, or make `batchSize` smaller.'
        : 'Many more addresses are reserved than used: lift their limit (`ulimit -v unlimited`).'
    throw new UserError(`Expected ${mib} MiB of shared memory for the arena, but the system refused it. ${advice}`, {
      cause,
    })
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
