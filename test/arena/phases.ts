/**
 * A worker thread of control.test.ts: goes through phases as the trainer's workers do, over any memory it is given.
 * In a phase, piece p adds 1 to the count of p and writes a value made from the phase before; whoever closes a phase
 * sums the values in order (float32, where the order shows) and opens the next phase.
 */
import { workerData } from 'node:worker_threads'
import { openArena } from '../../src/arena/arena.ts'
import { CONTROL_WORDS, Control, Status } from '../../src/arena/control.ts'

export interface PhasesTask {
  readonly memory: WebAssembly.Memory
  /** Pieces of each phase of a run. */
  readonly pieces: readonly number[]
  readonly worker: number
  readonly spins: number
}

/** Places in elements: the control words, a float of state, the seed of the delays (0: none), the pieces' counts and values. */
export const MAX_PIECES = 64
export const AT = {
  control: 0,
  state: CONTROL_WORDS,
  delays: CONTROL_WORDS + 1,
  counts: CONTROL_WORDS + 16,
  values: CONTROL_WORDS + 16 + MAX_PIECES,
}

/** The sequential part: checks that every piece ran once, folds the values into the state. */
export function close(words: Int32Array, floats: Float32Array, pieces: number): void {
  let state = floats[AT.state]!
  for (let p = 0; p < pieces; p++) {
    if (words[AT.counts + p] !== 1) throw new Error(`piece ${p} of ${pieces} ran ${words[AT.counts + p]} times`)
    words[AT.counts + p] = 0
    state = Math.fround(state + floats[AT.values + p]!)
  }
  floats[AT.state] = Math.fround(state * 0.999)
}

export const valueOf = (state: number, phase: number, piece: number): number =>
  Math.fround(Math.sin(phase * 31 + piece * 7) + state * 0.01)

function main(task: PhasesTask): void {
  const { words, floats } = openArena(task.memory)
  const control = new Control(words, AT.control, task.spins)
  let random = task.worker
  const delay = () => {
    const seed = words[AT.delays]!
    if (seed === 0) return
    random = random ^ seed
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    for (let i = random >>> 20; i > 0; i--) Math.sqrt(i)
  }
  for (;;) {
    const seen = control.sequence()
    for (let piece = control.claim(task.worker); piece >= 0; piece = control.claim(task.worker)) {
      delay()
      const phase = control.phase()
      floats[AT.values + piece] = valueOf(floats[AT.state]!, phase, piece)
      delay()
      // Plain, not atomic: that it is right shows that nobody else has this piece.
      words[AT.counts + piece]! += 1
      if (!control.finish()) continue
      delay()
      close(words, floats, task.pieces[phase]!)
      if (phase + 1 < task.pieces.length) control.open(phase + 1, task.pieces[phase + 1]!)
      else control.settle(Status.ended)
    }
    // After a run that has ended another may come.
    if (control.status() === Status.aborted) return
    delay()
    control.awaitChange(seen)
  }
}

if (workerData !== null && typeof workerData === 'object' && 'pieces' in workerData) main(workerData as PhasesTask)
