/** The entry of the thread that makes all MPI calls of a process. */
import { parentPort } from 'node:worker_threads'
import { serveExchange } from '../src/train/serve.ts'

serveExchange(parentPort!)
