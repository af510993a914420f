/**
 * One rank of a job in which rank 1 stops before MPI starts (`init`), after it (`gather`) or before the end (`leave`), where
 * it may also be killed (`die`): says what became of it.
 */
import { Ranks } from '../../src/crew/ranks.ts'
import { RankLost } from '../../src/errors.ts'
import { launchOf } from '../../src/native/mpi/find.ts'

const stopHere = process.argv[2] as 'init' | 'gather' | 'leave' | 'die'
const { rank } = launchOf()!
const stop = () => process.kill(process.pid, 'SIGSTOP')
try {
  if (rank === 1 && stopHere === 'init') stop()
  const ranks = (await Ranks.join(stopHere === 'init' ? { stallSeconds: 0.5 } : {}))!
  ranks.stallSeconds = 0.5
  if (rank === 1 && stopHere === 'gather') stop()
  await ranks.gather(`I am ${rank}`)
  if (rank === 1 && stopHere === 'leave') stop()
  if (rank === 1 && stopHere === 'die') process.kill(process.pid, 'SIGKILL')
  await ranks.leave()
} catch (error) {
  if (!(error instanceof RankLost)) throw error
  process.stdout.write(`${rank}: ${error.message}\n`)
  process.kill(process.pid, 'SIGKILL')
}
