/** Ours beside its peers: the same workloads, weights, data and optimizer, side by side in one run; `--help` says how. */
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { UserError, describe, suggest } from '../../src/errors.ts'
import { workloadNames } from '../workloads.ts'
import { anyLayers, entries, groups } from './contestants.ts'
import type { Group } from './contestants.ts'
import { machine, printMachine } from '../machine.ts'
import { printAbout } from './about.ts'
import { match } from './match.ts'
import type { Result } from './match.ts'
import { drawPicture } from './picture.ts'
import { legend, printMatch } from './print.ts'
import { writeProblem } from './problem.ts'
import { ratios } from './ratios.ts'

interface Options {
  readonly workloads: readonly string[]
  readonly only: readonly Group[]
  readonly rounds: number
  readonly seconds: number
  readonly json: string | undefined
  readonly svg: string | undefined
  readonly python: string
}

const usage = `npm run bench:peers -- [--workload NAME ..] [--only ${groups.join(',')}] [--rounds 7] [--seconds 1]
                       [--json FILE] [--svg FILE] [--python PATH]
workloads: ${workloadNames.join(', ')}; all of them unless named`

/** @throws UserError that says how it is used */
export function readOptions(args: readonly string[]): Options {
  const values = parsed(args)
  return {
    workloads: (values.workload ?? workloadNames).map((name) => oneOf('--workload', name, workloadNames)),
    only: values.only?.split(',').map((name) => oneOf('--only', name, groups)) ?? groups,
    rounds: positive('--rounds', values.rounds, true),
    seconds: positive('--seconds', values.seconds, false),
    json: values.json,
    svg: values.svg,
    python: values.python,
  }
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        workload: { ...text, multiple: true },
        only: text,
        rounds: { ...text, default: '7' },
        seconds: { ...text, default: '1' },
        json: text,
        svg: text,
        python: { ...text, default: '/usr/bin/python3' },
      },
    }).values
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`)
  }
}

function oneOf<T extends string>(flag: string, name: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(name)) return name as T
  const meant = suggest(name, known)
  throw new UserError(
    `Expected ${flag} to be of ${known.join(', ')}, got ${describe(name)}${meant ? `; did you mean \`${meant}\`?` : '.'}`,
  )
}

function positive(flag: string, text: string, whole: boolean): number {
  const value = Number(text)
  if (value > 0 && (!whole || Number.isInteger(value))) return value
  throw new UserError(`Expected ${flag} to be ${whole ? 'an integer >= 1' : 'a number > 0'}, got ${describe(text)}.`)
}

async function main(): Promise<void> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const args = process.argv.slice(2)
  if (args.includes('--help')) return print(usage)
  const options = readOptions(args)
  const here = machine()
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const contestants = entries(options.python).filter(({ group }) => options.only.includes(group))
  print(`${printMachine(here)}\n`)

  const matches: { workload: string; results: Result[] }[] = []
  const folder = await mkdtemp(join(tmpdir(), 'brigantine-peers-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  for (const workload of options.workloads) {
    say(workload)
    const dir = join(folder, workload)
    const { widths, batchSize, layers } = await writeProblem(workload, dir)
    const able = widths ? contestants : contestants.filter(({ group }) => anyLayers.includes(group))
    const results = await match(able, dir, { ...options, say })
    if (matches.length === 0) print(`${printAbout(results)}\n\n${legend}\n`)
    matches.push({ workload, results })
    print(
      `${workload}: ${widths ? shape(widths) : `${layers.length} layers`}, batch ${batchSize}\n${printMatch(results)}\n`,
    )
    await rm(dir, { recursive: true })
  }
  if (options.json) {
    const { rounds, seconds } = options
    const all = matches.map((one) => ({ ...one, ratios: ratios(one.results) }))
    await writeFile(options.json, `${JSON.stringify({ machine: here, rounds, seconds, matches: all }, null, 2)}\n`)
  }
  if (options.svg) {
    const { OPENBLAS_CORETYPE: core } = here.environment
    const subtitle =
      `Forward, loss, backward, clip, Adam; median of ${options.rounds} interleaved rounds, log scale. ` +
      `${here.cpu}, ${here.cores} cores, Node ${here.node}, OPENBLAS_CORETYPE ${core}`
    await writeFile(options.svg, drawPicture(matches, subtitle))
  }
}

/** 1024-2048-2048-1000, and 64-(30 x 64)-10 for a long run of one width. */
function shape(widths: readonly number[]): string {
  const hidden = widths.slice(1, -1)
  const same = hidden.length > 3 && hidden.every((width) => width === hidden[0])
  return same ? `${widths[0]}-(${hidden.length} x ${hidden[0]})-${widths.at(-1)}` : widths.join('-')
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 2
  }
}
