/** A thread of the benchmark: assesses what it is sent, one case and seed at a time. */
import { parentPort } from 'node:worker_threads'
import { assess } from './assess.ts'
import { caseOf } from './suite/index.ts'

parentPort!.on('message', ({ id, seed }: { id: string; seed: number }) => {
  void assess(caseOf(id), seed).then((assessment) => parentPort!.postMessage(assessment))
})
