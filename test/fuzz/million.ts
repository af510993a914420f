/**
 * Does any reader of what strangers give crash, hang, take memory on their word or change a prototype? A million cases of
 * each, drawn as the tests' 10,000 are, in rounds of 10,000 with a seed each: a case that fails is shrunk
 * and printed with the seed that gives it again. Each reader has a process of its own, which is ended if it says nothing
 * for a minute.
 *
 *   node test/fuzz/million.ts [--cases 1000000] [--seed 1] [--readers 'ONNX model,NPY file']
 */
import { fork } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { table } from '../../src/report/table.ts'
import { peakBytes } from '../train/peak-bytes.ts'
import { arrays } from './arrays.ts'
import { columnar } from './columnar.ts'
import { models } from './models.ts'
import { checkPrototypes, MOST_BYTES } from './survive.ts'
import { texts } from './texts.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    readers: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
})
const [cases, seed] = [Number(values.cases), Number(values.seed)]
const ROUND = 10_000
/** Of its own time: a process that is stopped from outside hangs nowhere. */
const SILENT_SECONDS = 60
const SLOW_MILLIS = 2000

const all = [...models, ...arrays, ...texts, ...columnar]

interface Told {
  readonly cases: number
  readonly refused: number
  readonly cpuSeconds: number
  readonly slowestMillis: number
  readonly peakBytes: number
  readonly error?: string
}

/** Processor time of this process, garbage collection included. */
function cpuMillis(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function inChild(name: string): Promise<void> {
  const reader = all.find((one) => one.name === name)!
  // The stacks of refusals, which are most cases, are nobody's; a case that fails comes again by its seed.
  Error.stackTraceLimit = 0
  let [done, refused, slowestMillis, started] = [0, 0, 0, 0]
  let error: string | undefined
  const tell = (): void => {
    const told: Told = { cases: done, refused, cpuSeconds: cpuMillis() / 1000, slowestMillis, peakBytes: peakBytes() }
    process.send!(error === undefined ? told : { ...told, error })
  }
  const before = process.memoryUsage().rss
  for (let round = 0; done < cases && error === undefined; round++) {
    const own = seed * 1_000_003 + round
    let inRound = 0
    const property = reader.property((isRead) => {
      if (!isRead) refused++
    })
    property.beforeEach(() => {
      inRound++
      started = cpuMillis()
    })
    property.afterEach(() => {
      const took = cpuMillis() - started
      if (took > SLOW_MILLIS)
        process.stderr.write(`${name}: case ${inRound} of seed ${own} took ${took.toFixed(0)} ms\n`)
      slowestMillis = Math.max(slowestMillis, took)
    })
    try {
      await fc.assert(property, { numRuns: Math.min(ROUND, cases - done), seed: own })
      checkPrototypes()
      // What zlib does at its ends waits for the event loop, to which a reader that waits for nothing never comes.
      await setImmediate()
      // What is still resident is then what the readers took, not what lies about.
      gc!()
      const more = peakBytes() - before
      if (more > MOST_BYTES)
        error = `${(more / 1e6).toFixed(0)} MB more resident than before, in the rounds up to seed ${own}`
    } catch (reason) {
      error = (reason as Error).message
    }
    done += inRound
    tell()
  }
}

/** The last that a reader's process told, and how it ended. */
function run(name: string): Promise<Told> {
  const given = ['--child', '--readers', name, '--cases', `${cases}`, '--seed', `${seed}`]
  const execArgv = [...process.execArgv, '--max-semi-space-size=16', '--expose-gc']
  const child = fork(import.meta.filename, given, { execArgv })
  let told: Told = { cases: 0, refused: 0, cpuSeconds: 0, slowestMillis: 0, peakBytes: 0 }
  let silent = 0
  const clock = setInterval(() => {
    if (++silent < SILENT_SECONDS) return
    told = {
      ...told,
      error: `nothing for ${SILENT_SECONDS} s, in the round of seed ${seed * 1_000_003 + told.cases / ROUND}`,
    }
    child.kill('SIGKILL')
  }, 1000)
  child.on('message', (message: Told) => {
    told = message
    silent = 0
  })
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      clearInterval(clock)
      resolve(told.error !== undefined || code === 0 ? told : { ...told, error: `ended with ${signal ?? code}` })
    })
  })
}

async function runAll(): Promise<void> {
  const names = values.readers?.split(',') ?? all.map(({ name }) => name)
  const unknown = names.find((asked) => !all.some(({ name }) => name === asked))
  if (unknown !== undefined)
    throw new Error(`no reader "${unknown}"; there are: ${all.map(({ name }) => name).join(', ')}`)
  const rows: string[][] = []
  for (const name of names) {
    const told = await run(name)
    const row = [
      name,
      String(told.cases),
      ((100 * told.refused) / told.cases).toFixed(1),
      told.cpuSeconds.toFixed(0),
      told.slowestMillis.toFixed(0),
      (told.peakBytes / 1e6).toFixed(0),
      told.error === undefined ? '' : 'FAILED',
    ]
    rows.push(row)
    process.stderr.write(`${row.join('  ')}\n`)
    if (told.error === undefined) continue
    process.stderr.write(`${told.error}\n`)
    process.exitCode = 1
  }
  const header = ['reader', 'cases', 'refused, %', 'CPU s', 'slowest, CPU ms', 'peak MB', '']
  process.stdout.write(`seed ${seed}\n${table(rows, { header, right: [1, 2, 3, 4, 5] })}\n`)
}

await (values.child ? inChild(values.readers!) : runAll())
