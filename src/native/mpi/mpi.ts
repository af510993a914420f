/**
 * MPI, called through koffi on raw addresses: what a run needs of it and no more. Every call blocks, and all come from
 * the thread that initialised it (MPI_THREAD_FUNNELED). An error code becomes an `Error` that names the call.
 */
import { loadKoffi } from '../koffi.ts'
import { abiOf } from './abi.ts'
import type { MpiLibrary } from './find.ts'

/** Address of a byte, as a number: user space has 47 bits. */
export type Address = number

export interface Mpi {
  readonly rank: number
  readonly ranks: number
  /** Where a typed array's bytes lie; they must not move, as those of a shared buffer do not. */
  address(array: ArrayBufferView): Address
  barrier(): void
  broadcast(at: Address, bytes: number, root: number): void
  /** Every rank's `bytes` at `from`, one after the other by rank, to `to`. */
  allGather(from: Address, bytes: number, to: Address): void
  /** Elements of the vector at `at`, of which every rank holds its own run: [starts[r], starts[r] + counts[r]). */
  allGatherFloats(at: Address, counts: Int32Array, starts: Int32Array): void
  /** Sums the vectors at `from` in whatever order MPI likes; each rank keeps its own run, at `to`. */
  reduceScatterFloats(from: Address, to: Address, counts: Int32Array): void
  /**
   * Begin a transfer; those of one tag between two ranks are matched in the order in which they were begun. Of what ranks do
   * at different places of the program no two tags are the same: a rank that fails alone, and says so, disturbs no other.
   * @param tag 0 to 32,767 (0)
   */
  send(at: Address, bytes: number, rank: number, tag?: number): void
  receive(at: Address, bytes: number, rank: number, tag?: number): void
  /** Until all transfers are over; the two hear of each that is, by the rank it is from and the rank it is to. */
  waitAll(received?: (from: number) => void, sent?: (to: number) => void): void
  /** Ends the job: every rank of it, at once. */
  abort(code: number): void
  finalize(): void
}

const MOST_REQUESTS = 2 ** 16
/** More than MPI_MAX_ERROR_STRING of any implementation. */
const MOST_TEXT = 4096

/** Once in the life of a process. @throws Error where the library cannot be loaded or MPI does not start */
export function startMpi({ path, family }: MpiLibrary): Mpi {
  const koffi = loadKoffi()
  // Plug-ins of Open MPI look for the library's symbols among the global ones.
  const library = koffi.load(path, { global: true })
  const abi = abiOf(family, library, koffi)
  const H = abi.handle
  const errorString = library.func('int MPI_Error_string(int, uint8_t*, int*)') as (...values: unknown[]) => number
  const textOf = (code: number): string => {
    const [text, length] = [new Uint8Array(MOST_TEXT), new Int32Array(1)]
    return errorString(code, text, length) === 0 ? ` (${Buffer.from(text.subarray(0, length[0])).toString()})` : ''
  }
  const bind = (name: string, parameters: string) => {
    const call = library.func(`int ${name}(${parameters})`) as (...values: unknown[]) => number
    return (...values: unknown[]): void => {
      const code = call(...values)
      if (code !== 0) throw new Error(`${name} failed with code ${code}${textOf(code)}`)
    }
  }
  const one = new Int32Array(1)
  const provided = new Int32Array(1)
  bind('MPI_Init_thread', 'uintptr_t, uintptr_t, int, int*')(0, 0, abi.funneled, provided)
  // Otherwise MPI ends the job by itself, and nobody hears of what.
  bind('MPI_Comm_set_errhandler', `${H}, ${H}`)(abi.world, abi.errorsReturn)
  const number = (name: string): number => {
    bind(name, `${H}, int*`)(abi.world, one)
    return one[0]!
  }
  const rank = number('MPI_Comm_rank')
  const ranks = number('MPI_Comm_size')

  const barrier = bind('MPI_Barrier', H)
  const broadcast = bind('MPI_Bcast', `uintptr_t, int, ${H}, int, ${H}`)
  const allGather = bind('MPI_Allgather', `uintptr_t, int, ${H}, uintptr_t, int, ${H}, ${H}`)
  const allGatherV = bind('MPI_Allgatherv', `uintptr_t, int, ${H}, uintptr_t, int*, int*, ${H}, ${H}`)
  const reduceScatter = bind('MPI_Reduce_scatter', `uintptr_t, uintptr_t, int*, ${H}, ${H}, ${H}`)
  const send = bind('MPI_Isend', `uintptr_t, int, ${H}, int, int, ${H}, uintptr_t`)
  const receive = bind('MPI_Irecv', `uintptr_t, int, ${H}, int, int, ${H}, uintptr_t`)
  const waitSome = bind('MPI_Waitsome', 'int, uintptr_t, int*, int*, uintptr_t')
  const abort = bind('MPI_Abort', `${H}, int`)
  const finalize = bind('MPI_Finalize', 'void')

  const requests = new BigInt64Array(new SharedArrayBuffer(8 * MOST_REQUESTS))
  const requestsAt = Number(koffi.address(requests))
  /** Of each open request: the rank it receives from, or ~ the rank it sends to. */
  const others = new Int32Array(MOST_REQUESTS)
  const ended = new Int32Array(MOST_REQUESTS)
  const endedNow = new Int32Array(1)
  let open = 0
  const begin = (call: typeof send, at: Address, bytes: number, other: number, mark: number, tag: number) => {
    if (open === MOST_REQUESTS) throw new Error(`internal: more than ${MOST_REQUESTS} transfers at a time`)
    others[open] = mark
    call(at, bytes, abi.byte, other, tag, abi.world, requestsAt + open++ * abi.requestBytes)
  }

  return {
    rank,
    ranks,
    address: (array) => Number(koffi.address(array)),
    barrier: () => barrier(abi.world),
    broadcast: (at, bytes, root) => broadcast(at, bytes, abi.byte, root, abi.world),
    allGather: (from, bytes, to) => allGather(from, bytes, abi.byte, to, bytes, abi.byte, abi.world),
    allGatherFloats: (at, counts, starts) =>
      allGatherV(abi.inPlace, 0, abi.float, at, counts, starts, abi.float, abi.world),
    reduceScatterFloats: (from, to, counts) => reduceScatter(from, to, counts, abi.float, abi.sum, abi.world),
    send: (at, bytes, to, tag = 0) => begin(send, at, bytes, to, ~to, tag),
    receive: (at, bytes, from, tag = 0) => begin(receive, at, bytes, from, from, tag),
    waitAll: (received, sent) => {
      for (let left = open; left > 0; left -= endedNow[0]!) {
        waitSome(open, requestsAt, endedNow, ended, abi.statusesIgnore)
        for (let i = 0; i < endedNow[0]!; i++) {
          const other = others[ended[i]!]!
          if (other >= 0) received?.(other)
          else sent?.(~other)
        }
      }
      open = 0
      // Named here to be kept: MPI knows the array's address only, which is nothing to the garbage collector.
      requests[0] = 0n
    },
    abort: (code) => abort(abi.world, code),
    finalize: () => finalize(),
  }
}
