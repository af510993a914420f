/**
 * What the runner and a contestant say to each other: one JSON object per line on stdin and stdout.
 *
 *   contestant: {"about": {..}}                            it is ready; versions of what it runs on
 *   runner:     {"cmd": "prepare", "dir": ".."}            a problem's folder (problem.ts)
 *   contestant: {"losses": [..], "note": ".."}             mean losses of the first steps, at the learning rate of the check
 *   runner:     {"cmd": "run", "steps": 100}
 *   contestant: {"steps": 100, "micros": 12.3, "mean": 12.9}   median and mean time of a step
 *
 * Instead of an answer: {"error": ".."}. The end of stdin ends the contestant. Between commands it sleeps.
 */
import { createInterface } from 'node:readline'
import type { LoadedProblem } from './problem.ts'
import { readProblem } from './problem.ts'
import { median } from '../statistics.ts'

export type About = Readonly<Record<string, string>>

export interface Prepared {
  readonly losses: readonly number[]
  /** How it runs, where there was a choice. */
  readonly note?: string | undefined
}

export interface Measured {
  readonly steps: number
  /** Median time of a step. */
  readonly micros: number
  readonly mean: number
}

export type Command =
  { readonly cmd: 'prepare'; readonly dir: string } | { readonly cmd: 'run'; readonly steps: number }

export interface Contestant {
  readonly about: About
  /** @param dir the folder it was read from */
  prepare(problem: LoadedProblem, dir: string): Promise<Prepared>
  run(steps: number): Promise<Measured>
}

const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

/** Serves a contestant that runs in Node on this process's stdin and stdout, until stdin ends. */
export async function serve(start: () => Promise<Contestant>): Promise<void> {
  try {
    const contestant = await start()
    say({ about: contestant.about })
    for await (const line of createInterface({ input: process.stdin })) {
      const command = JSON.parse(line) as Command
      if (command.cmd === 'run') say(await contestant.run(command.steps))
      else say(await contestant.prepare(await readProblem(command.dir), command.dir))
    }
  } catch (error) {
    say({ error: (error as Error).message })
  }
  process.exit()
}

/** One step: trains on the next batch. A loss is read only when it is asked for. */
export type Step = (index: number, readLoss: boolean) => Promise<number | undefined>

/** Slow contestants are compared on the steps they do in this time, two at least. */
const CHECK_SECONDS = 10

/** Losses of the first steps. */
export async function check(step: Step, steps: number): Promise<number[]> {
  const end = performance.now() + 1e3 * CHECK_SECONDS
  const losses: number[] = []
  while (losses.length < steps && (losses.length < 2 || performance.now() < end)) {
    losses.push((await step(losses.length, true))!)
  }
  return losses
}

export async function time(step: Step, steps: number): Promise<Measured> {
  const micros = new Float64Array(steps)
  for (let i = 0; i < steps; i++) {
    const begin = performance.now()
    await step(i, false)
    micros[i] = 1e3 * (performance.now() - begin)
  }
  return measured(micros)
}

export const measured = (micros: ArrayLike<number>): Measured => ({
  steps: micros.length,
  micros: median(micros),
  mean: Float64Array.from(micros).reduce((sum, value) => sum + value, 0) / micros.length,
})
