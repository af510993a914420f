/** Counts the payload of MPI calls, as the algorithms that move the fewest bytes would move it. */
import type { Mpi } from '../../src/native/mpi/mpi.ts'

export interface Traffic {
  /** Bytes. */
  readonly sent: number
  readonly received: number
}

const sumOf = (counts: Int32Array) => counts.reduce((sum, count) => sum + count, 0)

export function counted(mpi: Mpi): { readonly mpi: Mpi; traffic(): Traffic } {
  const { rank, ranks } = mpi
  let [sent, received] = [0, 0]
  /** In a ring each rank passes on all runs but one: it sends as much as it receives, all but the run it begins with. */
  const gathered = (bytes: number, counts: Int32Array) => {
    received += bytes * (sumOf(counts) - counts[rank]!)
    sent += bytes * (sumOf(counts) - counts[(rank + 1) % ranks]!)
  }
  return {
    traffic: () => ({ sent, received }),
    mpi: {
      ...mpi,
      allGatherFloats(at, counts, starts) {
        gathered(4, counts)
        mpi.allGatherFloats(at, counts, starts)
      },
      send(at, bytes, to, tag) {
        sent += bytes
        mpi.send(at, bytes, to, tag)
      },
      receive(at, bytes, from, tag) {
        received += bytes
        mpi.receive(at, bytes, from, tag)
      },
    },
  }
}
