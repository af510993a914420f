/**
 * Does any reader of what strangers give crash, hang, take memory on their word or change a prototype? A million cases of
 * each, drawn as the tests' 10,000 are, in rounds of 10,000 with a seed each: a case that fails is shrunk
 * and printed with the seed that gives it again. Each reader has a process of its own, which is ended if it says nothing
 * for a minute of its own time. What was ended early goes on with `--from`, the cases that are done.
 *
 *   node test/fuzz/million.ts [--cases 1000000] [--from 0] [--seed 1] [--readers 'ONNX model,NPY file']
 */
import { fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
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
    from: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    readers: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
})
const [cases, seed, from] = [Number(values.cases), Number(values.seed), Number(values.from)]
const ROUND = 10_000
const TOLD_CASES = 1000
const SHOWN_CASES = 100_000
const SILENT_SECONDS = 60
const TICKS_PER_SECOND = 100
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

/**
 * Seconds of its own that a process has had, asked about once a second: those that it computes and those in which it only
 * waits. One that gets no core, or is stopped from outside, hangs nowhere.
 */
function ownSeconds(pid: number): () => number {
  let [own, computedBefore] = [0, 0]
  const file = `/proc/${pid}/stat`
  if (process.platform !== 'linux') return () => ++own
  return () => {
    if (!existsSync(file)) return own
    const [state, ...fields] = readFileSync(file, 'utf8').split(') ').at(-1)!.split(' ')
    const computed = (Number(fields[10]) + Number(fields[11])) / TICKS_PER_SECOND
    const more = computed - computedBefore
    computedBefore = computed
    return (own += more === 0 && state === 'S' ? 1 : more)
  }
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
  let [done, refused, slowestMillis, started] = [from, 0, 0, 0]
  let error: string | undefined
  let inRound = 0
  const tell = (): void => {
    const told: Told = {
      cases: done + inRound,
      refused,
      cpuSeconds: cpuMillis() / 1000,
      slowestMillis,
      peakBytes: peakBytes(),
    }
    process.send!(error === undefined ? told : { ...told, error })
  }
  const before = process.memoryUsage().rss
  for (let round = from / ROUND; done < cases && error === undefined; round++) {
    const own = seed * 1_000_003 + round
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
      if (inRound % TOLD_CASES === 0 && inRound < ROUND) tell()
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
    inRound = 0
    tell()
  }
}

/** The last that a reader's process told, and how it ended. */
function run(name: string): Promise<Told> {
  const given = ['--child', '--readers', name, '--cases', `${cases}`, '--from', `${from}`, '--seed', `${seed}`]
  const execArgv = [...process.execArgv, '--max-semi-space-size=16', '--expose-gc']
  const child = fork(import.meta.filename, given, { execArgv })
  let told: Told = { cases: from, refused: 0, cpuSeconds: 0, slowestMillis: 0, peakBytes: 0 }
  const own = ownSeconds(child.pid!)
  let toldAt = 0
  const clock = setInterval(() => {
    if (own() - toldAt < SILENT_SECONDS) return
    const round = seed * 1_000_003 + Math.floor(told.cases / ROUND)
    told = {
      ...told,
      error: `nothing for ${SILENT_SECONDS} s, after case ${told.cases}, in the round of seed ${round}`,
    }
    child.kill('SIGKILL')
  }, 1000)
  child.on('message', (message: Told) => {
    if (message.cases % SHOWN_CASES === 0) process.stderr.write(`${name}: ${message.cases} of ${cases}\n`)
    told = message
    toldAt = own()
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
      ((100 * told.refused) / (told.cases - from)).toFixed(1),
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
