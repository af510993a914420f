/**
 * Several ranks on this machine: what they exchange beside the least there is and beside bare calls of MPI, and their
 * steps beside one process with as many workers, beside what the simulation predicts for both, and beside PyTorch's DDP
 * over gloo.
 *
 * npm run bench:ranks -- [--workload NAME ..] [--ranks 2] [--kernels auto] [--rounds 5] [--seconds 0.5] [--launcher 'Open MPI']
 *                        [--json FILE] [--python PATH]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { resolveKernels } from '../../src/kernels/select.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { machine, printMachine } from '../machine.ts'
import { median } from '../statistics.ts'
import { entries } from '../peers/contestants.ts'
import type { Entry } from '../peers/contestants.ts'
import { match } from '../peers/match.ts'
import type { Result } from '../peers/match.ts'
import { writeProblem } from '../peers/problem.ts'
import type { ExchangeTimes } from './exchange.ts'
import { launchers } from './launchers.ts'
import type { Launcher } from './launchers.ts'
import { sharesOf } from './predict.ts'
import type { Shares } from './predict.ts'
import { printExchange, printPredicted, printRanks } from './print.ts'
import type { Predicted } from './print.ts'

/** As it is installed. */
const script = (name: string) => fileURLToPath(new URL(`../../dist/bench/ranks/${name}.js`, import.meta.url))

const { values } = parseArgs({
  options: {
    workload: { type: 'string', multiple: true, default: ['mlp-mid', 'mlp-big'] },
    ranks: { type: 'string', default: '2' },
    kernels: { type: 'string', default: 'auto' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.5' },
    launcher: { type: 'string', multiple: true, default: launchers.map(({ name }) => name) },
    json: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
const [ranks, rounds, seconds] = [values.ranks, values.rounds, values.seconds].map(Number) as [number, number, number]
const kernels = resolveKernels(values.kernels as KernelName | 'auto').name
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const print = (text: string): void => void process.stdout.write(`${text}\n`)

const taken = launchers.filter(({ name }) => values.launcher.includes(name))
if (taken.length === 0) {
  const there = launchers.map(({ name }) => name).join(', ') || 'none (apt-get install openmpi-bin, or mpich)'
  say(`Expected a launcher of ranks that is installed, got ${values.launcher.join(', ')}; there is: ${there}.`)
  process.exit(2)
}
const here = machine()
print(`${printMachine(here)}\n`)
const folder = await mkdtemp(join(tmpdir(), 'brigantine-ranks-'))
const all: { workload: string; exchanges: ExchangeTimes[]; results: Result[]; predicted: Predicted[] }[] = []
try {
  for (const workload of values.workload) {
    const exchanges: ExchangeTimes[] = []
    for (const launcher of taken) {
      say(`${workload}: exchange, ${launcher.name}`)
      exchanges.push(await exchangeOf(launcher, workload))
    }
    const dir = join(folder, workload)
    await writeProblem(workload, dir)
    const shares: Shares[] = []
    const endRound = async () => void shares.push(await sharesOf(workload, kernels, ranks, seconds))
    const results = await match(await contestants(), dir, { rounds, seconds, say, endRound })
    print(`${workload}\n${exchanges.map(printExchange).join('\n')}\n\n${printRanks(results)}\n`)
    const predicted = predictedOf(shares, exchanges, results)
    print(`${printPredicted(predicted)}\n`)
    all.push({ workload, exchanges, results, predicted })
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
if (values.json) await writeFile(values.json, `${JSON.stringify({ machine: here, rounds, seconds, all }, null, 2)}\n`)

async function contestants(): Promise<Entry[]> {
  const known = entries(values.python)
  const alone = known.find(({ name }) => name === `ours ${kernels}, 1 worker`)!
  const together: Entry = {
    ...alone,
    name: `ours ${kernels}, 1 rank x ${ranks} workers`,
    args: [alone.args[0]!, kernels, String(ranks)],
  }
  const apart = taken.map(async (launcher): Promise<Entry> => {
    const own = await mkdtemp(join(folder, 'commands-'))
    return {
      ...alone,
      name: `ours ${kernels}, ${ranks} ranks x 1 worker, ${launcher.name}`,
      command: launcher.command,
      args: [...start(launcher), script('ours'), kernels, '1', own],
    }
  })
  const ddp = ranks === 2 ? known.filter(({ name }) => name.startsWith('PyTorch, DDP')) : []
  return [together, ...(await Promise.all(apart)), alone, ...ddp]
}

/** From one worker's step in the same match, and the shares of it that its pieces give in every round. */
function predictedOf(
  shares: readonly Shares[],
  exchanges: readonly ExchangeTimes[],
  [together, ...others]: readonly Result[],
): Predicted[] {
  const apart = others.slice(0, exchanges.length)
  const micros = others[exchanges.length]?.micros?.median
  if (micros === undefined) return []
  const usual = (which: keyof Shares) => median(shares.map((share) => share[which]))
  return [
    { name: together!.name, micros: usual('together') * micros, seen: together!.micros?.median },
    ...apart.map(({ name, micros: seen }, i) => ({
      name,
      micros: usual('apart') * micros + exchanges[i]!.handedMicros,
      seen: seen?.median,
    })),
  ]
}

function start({ flags }: Launcher): string[] {
  return [...flags, '-n', String(ranks), process.execPath]
}

async function exchangeOf(launcher: Launcher, workload: string): Promise<ExchangeTimes> {
  const child = spawn(launcher.command, [...start(launcher), script('exchange'), workload, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`${launcher.command} ended with code ${code}`)
  return JSON.parse(said) as ExchangeTimes
}
