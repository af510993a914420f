/**
 * The worker of a rank that does nothing but exchange: asks for each exchange of a step as the sequencer does, and sleeps
 * until it is made. Between two it works, as between two phases. Tells how long each step's exchanges took it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { openArena } from '../../src/arena/arena.ts'
import { Control } from '../../src/arena/control.ts'
import { Phase } from '../../src/plan/plan.ts'
import { Kind } from '../../src/train/ranks.ts'
import { State } from '../../src/train/state.ts'

export interface AskerTask {
  readonly memory: WebAssembly.Memory
  /** Where the control words and the run's state lie. */
  readonly control: number
  readonly state: number
  readonly steps: number
}

/** Of a step, in order. */
export const KINDS = [Kind.gradients, Kind.norms, Kind.weights]

/** About as long as the phases between them: the MPI thread has gone to sleep. */
const WORK_MICROS = 150

if (parentPort) ask(workerData as AskerTask)

function ask({ memory, control: at, state: stateAt, steps }: AskerTask): void {
  const arena = openArena(memory)
  const control = new Control(arena.words, at, 0)
  const state = arena.doubles.subarray(stateAt)
  const times = Array.from({ length: steps }, () => {
    let micros = 0
    for (const kind of KINDS) {
      const until = performance.now() + WORK_MICROS / 1e3
      while (performance.now() < until);
      const [seen, start] = [control.sequence(), performance.now()]
      state[State.exchange] = kind
      control.summon(Phase.exchange)
      control.awaitChange(seen, false)
      micros += 1e3 * (performance.now() - start)
    }
    return micros
  })
  parentPort!.postMessage(times)
}
