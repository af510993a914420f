/** The MPI thread: takes the host's orders; during a run it waits in the arena for exchanges, and makes them. */
import type { MessagePort } from 'node:worker_threads'
import { openArena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { Answer, Order } from '../crew/ranks.ts'
import type { RunTask } from '../crew/task.ts'
import { startMpi } from '../native/mpi/mpi.ts'
import type { Mpi } from '../native/mpi/mpi.ts'
import { loadOwn } from '../model/own.ts'
import { compilePlan } from '../plan/plan.ts'
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
        return gatherTexts(mpi!, order.text)
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

function gatherTexts(mpi: Mpi, text: string): string[] {
  const own = Buffer.from(text)
  const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length))
  const [length, lengths] = [shared(4), shared(4 * mpi.ranks)]
  new DataView(length.buffer).setUint32(0, own.length)
  mpi.allGather(mpi.address(length), 4, mpi.address(lengths))
  const sizes = Array.from({ length: mpi.ranks }, (_, r) => new DataView(lengths.buffer).getUint32(4 * r))
  const most = Math.max(1, ...sizes)
  const [bytes, all] = [shared(most), shared(most * mpi.ranks)]
  bytes.set(own)
  mpi.allGather(mpi.address(bytes), most, mpi.address(all))
  return sizes.map((size, r) => Buffer.from(all.slice(r * most, r * most + size)).toString())
}
