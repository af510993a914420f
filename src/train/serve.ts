/** The MPI thread: takes the host's orders; during a run it waits in the arena for exchanges, and makes them. */
import type { MessagePort } from 'node:worker_threads'
import { openArena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { Answer, Order } from '../crew/ranks.ts'
import type { RunTask } from '../crew/task.ts'
import { startMpi } from '../native/mpi/mpi.ts'
import type { Mpi } from '../native/mpi/mpi.ts'
import { loadOwn } from '../model/own.ts'
import { compilePlan } from '../plan/compile.ts'
import { Exchange } from './ranks.ts'
import { Sequencer } from './sequencer.ts'
import { programOf } from './work.ts'

export function serveExchange(port: MessagePort): void {
  let mpi: Mpi | undefined
  const carryOut = (order: Order): unknown => {
    switch (order.op) {
      case 'join':
        mpi = startMpi(order.library)
        return { rank: mpi.rank, ranks: mpi.ranks }
      case 'run':
        return loadOwn(order.task.spec.model, order.task.spec.loss).then(() => exchangeRun(order.task, mpi!))
      case 'gather':
        return gatherTexts(mpi!, order.text, order.awaited)
      case 'abort':
        return mpi?.abort(order.code)
      case 'leave':
        return mpi!.finalize()
    }
  }
  const answer = async (order: Order): Promise<void> => {
    let answer: Answer
    try {
      answer = { value: await carryOut(order) }
    } catch (error) {
      answer = { error }
    }
    port.postMessage(answer)
  }
  port.on('message', (order: Order) => void answer(order))
}

/** This thread's part in a run: exchanges, and the sequential part after each. */
function exchangeRun(task: RunTask, mpi: Mpi): void {
  const arena = openArena(task.memory)
  const plan = compilePlan(task.spec)
  const control = new Control(arena.words, plan.at.control, 0)
  const program = programOf(task, plan, arena)
  const exchange = new Exchange(plan, task.settings, control, arena, mpi)
  const sequencer = new Sequencer(plan, task.settings, control, arena, program, exchange)
  try {
    for (let seen = 0; ; seen++) {
      control.awaitSummons(seen)
      const status = control.status()
      if (status === Status.ended || status === Status.aborted) return
      exchange.make()
      sequencer.advance()
    }
  } catch (error) {
    control.settle(Status.aborted)
    throw error
  }
}

function gatherTexts(mpi: Mpi, text: string, awaited: Int32Array): string[] {
  const own = Buffer.from(text)
  const length = new Uint8Array(Int32Array.of(own.length).buffer)
  const lengths = gatherBytes(mpi, length, Array<number>(mpi.ranks).fill(4), awaited)
  const sizes = lengths.map((bytes) => new Int32Array(bytes.buffer)[0]!)
  return gatherBytes(mpi, own, sizes, awaited).map((bytes) => Buffer.from(bytes).toString())
}

/** Every rank's bytes, by rank, of which there are so many; meanwhile the host can see whose are still to come or to go. */
function gatherBytes(mpi: Mpi, own: Uint8Array, sizes: readonly number[], awaited: Int32Array): Uint8Array[] {
  const all = sizes.map((size) => new Uint8Array(new SharedArrayBuffer(size)))
  const mine = all[mpi.rank]!
  mine.set(own)
  for (let rank = 0; rank < mpi.ranks; rank++) {
    if (rank === mpi.rank) continue
    awaited[rank] = 2
    mpi.receive(mpi.address(all[rank]!), sizes[rank]!, rank)
    mpi.send(mpi.address(mine), own.length, rank)
  }
  const over = (rank: number) => void awaited[rank]!--
  mpi.waitAll(over, over)
  return all
}
