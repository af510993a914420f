/** Imported before the command: stops it on rank 1. */
import { launchOf } from '../../src/native/mpi/find.ts'

if (launchOf()?.rank === 1) process.kill(process.pid, 'SIGSTOP')
