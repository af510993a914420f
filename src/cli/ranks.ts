/** A command that a launcher started as one of several ranks: joins them, and leaves or ends the job with them. */
import { availableParallelism, cpus } from 'node:os'
import type { Ranks } from '../crew/ranks.ts'
import type { Launch } from '../native/mpi/find.ts'
import { RankLost, TrainingError } from '../errors.ts'
import { endByForce, ExitWith, report } from './exit.ts'
import { say } from './output.ts'

const LEAVING_MILLIS = 10_000

/**
 * Runs `work` with the job's ranks, `undefined` where this process is alone. An error of one rank ends the job.
 * @param stallSeconds of the config, where it is known before the ranks are
 */
export async function withRanks(
  work: (ranks: Ranks | undefined) => Promise<void>,
  stallSeconds?: number,
): Promise<void> {
  const { launchOf } = await import('../native/mpi/find.ts')
  const launch = launchOf()
  if (!launch) return work(undefined)
  const ranks = await joined(launch, stallSeconds)
  const squeezed = bindingNote(ranks.hosts.filter((host) => host === ranks.hosts[ranks.rank]).length)
  if (squeezed) say(`${ranks.nameOf(ranks.rank)}: ${squeezed}`)
  try {
    await work(ranks)
  } catch (error) {
    // These come to all ranks alike, at the same step.
    const together = (error instanceof TrainingError && !(error instanceof RankLost)) || error instanceof ExitWith
    if (together && (await left(ranks))) throw error
    throw ended(ranks, error)
  }
  try {
    await ranks.leave()
  } catch (error) {
    throw ended(ranks, error)
  }
}

/** Says why, and ends the job. */
function ended(ranks: Ranks, error: unknown): ExitWith {
  const { code, message } = report(error, process.env.BRIGANTINE_STACK === '1')
  if (message) say(`${ranks.nameOf(ranks.rank)}: error: ${message}`)
  ranks.abort(code)
  return new ExitWith(code)
}

async function joined(launch: Launch, stallSeconds: number | undefined): Promise<Ranks> {
  const { Ranks } = await import('../crew/ranks.ts')
  try {
    return (await Ranks.join({ launch, stallSeconds }))!
  } catch (error) {
    if (!(error instanceof RankLost)) throw error
    const { code, message } = report(error, process.env.BRIGANTINE_STACK === '1')
    say(`rank ${launch.rank}: error: ${message}`)
    endByForce(code)
    throw error
  }
}

async function left(ranks: Ranks): Promise<boolean> {
  let timer
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), LEAVING_MILLIS)))
  // What the job ends for is known: that others do not come to its end is no news.
  const leaving = ranks.leave().then(
    () => true,
    () => false,
  )
  const done = await Promise.race([leaving, late])
  clearTimeout(timer)
  return done
}

/** What to do where a launcher bound this process to fewer cores than are its share; `undefined` where it did not. */
export function bindingNote(
  ranksHere: number,
  cores = cpus().length,
  usable = availableParallelism(),
): string | undefined {
  if (usable >= Math.floor(cores / ranksHere)) return undefined
  return (
    `the launcher bound this process to ${usable} of the machine's ${cores} cores, on which its whole crew would run: ` +
    'start it with `mpirun --bind-to none` (Open MPI), `mpiexec -bind-to none` (MPICH), or `srun --cpu-bind=none`.'
  )
}
