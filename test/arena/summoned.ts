/** A thread of control.test.ts that waits for its first summons, and says how the run stood when it was woken. */
import { parentPort, workerData } from 'node:worker_threads'
import { openArena } from '../../src/arena/arena.ts'
import { Control } from '../../src/arena/control.ts'

const control = new Control(openArena(workerData as WebAssembly.Memory).words, 0, 0)
parentPort!.postMessage('waits')
control.awaitSummons(0)
parentPort!.postMessage(control.status())
