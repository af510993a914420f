/** One rank that makes every call once and says what it got, as one line of JSON. */
import { findMpiLibrary, launchOf } from '../../src/native/mpi/find.ts'
import { startMpi } from '../../src/native/mpi/mpi.ts'

const answer = findMpiLibrary()
if (!answer.available) throw new Error(answer.reason)
const mpi = startMpi(answer.library)
const { rank, ranks } = mpi
const floats = (length: number, value: number) => new Float32Array(new SharedArrayBuffer(4 * length)).fill(value)
const bytes = (length: number, value: number) => new Uint8Array(new SharedArrayBuffer(length)).fill(value)
const counts = Int32Array.from({ length: ranks }, (_, r) => r + 1)
const starts = Int32Array.from({ length: ranks }, (_, r) => (r * (r + 1)) / 2)
const total = (ranks * (ranks + 1)) / 2

const gathered = floats(total, rank + 1)
mpi.allGatherFloats(mpi.address(gathered), counts, starts)

const [own, others] = [floats(2, 10 * rank), floats(2 * ranks, -1)]
for (let r = 0; r < ranks; r++) {
  if (r === rank) continue
  mpi.receive(mpi.address(others) + 8 * r, 8, r)
  mpi.send(mpi.address(own), 8, r)
}
const heard: number[] = []
mpi.waitAll((from) => heard.push(from))

// In the other order than they are sent: each goes where its tag says.
const [next, before] = [(rank + 1) % ranks, (rank + ranks - 1) % ranks]
const [short, long] = [floats(1, -1), floats(3, -1)]
mpi.receive(mpi.address(short), 4, before, 7)
mpi.receive(mpi.address(long), 12, before, 32_767)
mpi.send(mpi.address(floats(3, rank)), 12, next, 32_767)
mpi.send(mpi.address(floats(1, 100 + rank)), 4, next, 7)
mpi.waitAll()
const tagged = [...short, ...long]

// Eight bytes where four are awaited: MPI's word is an error of ours, and not the end of the job.
let refused = ''
const little = bytes(4, 0)
mpi.receive(mpi.address(little), 4, before, 9)
mpi.send(mpi.address(own), 8, next, 9)
try {
  mpi.waitAll()
} catch (error) {
  refused = (error as Error).message
}

const [sum, vector] = [floats(ranks, 0), floats(total, rank + 1)]
mpi.reduceScatterFloats(mpi.address(vector), mpi.address(sum), counts)

const [one, all] = [bytes(2, rank), bytes(2 * ranks, 9)]
mpi.allGather(mpi.address(one), 2, mpi.address(all))
mpi.broadcast(mpi.address(one), 2, ranks - 1)
mpi.barrier()
const got = { gathered, heard: heard.toSorted(), others, tagged, sum, all, one }
const plain = { refused, ...Object.fromEntries(Object.entries(got).map(([key, value]) => [key, [...value]])) }
process.stdout.write(`${JSON.stringify({ ...answer.library, launch: launchOf(), rank, ranks, ...plain })}\n`)
mpi.finalize()
