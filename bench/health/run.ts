/**
 * How good is the detector, and what does repair mend? Runs the labelled suite with our detector, with nine rivals' rules
 * on the same signals, and with `health: 'repair'`.
 *
 * node bench/health/run.ts, or: brigantine bench health [--quick] [--split test|tune|all] [--case ids] [--json] [--out DIR]
 * What the detector costs: brigantine bench health --overhead
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../src/errors.ts'
import { machine, printMachine } from '../machine.ts'
import { OURS } from './assess.ts'
import type { Case } from './case.ts'
import { hashOf, labelSeeds } from './label.ts'
import type { Labels } from './label.ts'
import stored from './labels.json' with { type: 'json' }
import { drawConfusion, drawDetectors } from './picture.ts'
import { measureOverhead } from './overhead.ts'
import { assessAll } from './pool.ts'
import { classesTable, confusionTable, detectorsTable, overheadTable, repairTables } from './print.ts'
import { rivals } from './rivals/index.ts'
import { confusion, scorable, scoreClasses, scoreDetector, scoreRepair } from './score.ts'
import type { Run } from './score.ts'
import { isQuick, splitOf, suite } from './suite/index.ts'

export interface HealthOptions {
  readonly quick?: boolean | undefined
  readonly split?: string | undefined
  readonly case?: string | undefined
  readonly seeds?: string | undefined
  readonly overhead?: boolean | undefined
  /** Names the runs of the test split too: whoever tunes must not see them. */
  readonly names?: boolean | undefined
  readonly json?: boolean | undefined
  readonly out?: string | undefined
}

export async function main(options: HealthOptions = {}): Promise<void> {
  if (options.overhead) return overhead(options)
  const labels = stored as unknown as Labels
  if (hashOf(labels.labels) !== labels.sha256) {
    throw new UserError(
      'Expected bench/health/labels.json to have the hash it was stored with, but it was changed. ' +
        `Make it again: ${labels.command}`,
    )
  }
  const cases = chosen(options)
  const seeds = labelSeeds.slice(0, numberOfSeeds(options))
  const tasks = cases.flatMap(({ id }) => seeds.map((seed) => ({ id, seed })))
  const began = performance.now()
  let done = 0
  const { isTTY } = process.stderr
  const assessments = await assessAll(tasks, ({ id, seed }) => {
    done++
    if (isTTY) process.stderr.write(`\r${done} of ${tasks.length}: ${id}, seed ${seed}   `)
  })
  if (isTTY) process.stderr.write('\n')
  const runs = scorable(assessments, new Map(cases.map((c) => [c.id, c])), labels.labels)
  const seconds = (performance.now() - began) / 1000
  const named = options.names === true || options.case !== undefined
  const result = summarize(runs, labels.sha256, seconds, named)
  if (options.out !== undefined) await write(options.out, result, runs, named)
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : `${print(result, runs, named)}\n`)
}

function numberOfSeeds({ seeds, quick }: HealthOptions): number {
  const wanted = Number(seeds ?? (quick ? 1 : 3))
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= labelSeeds.length) return wanted
  throw new UserError(`Expected --seeds to be an integer from 1 to ${labelSeeds.length}, got \`${seeds}\`.`)
}

async function overhead({ json }: HealthOptions): Promise<void> {
  const on = machine()
  process.stderr.write(`${printMachine(on)}\n`)
  const found = await measureOverhead(({ parameters, workers }) =>
    process.stderr.write(`${parameters} parameters, ${workers} workers: done\n`),
  )
  process.stdout.write(
    json ? `${JSON.stringify({ machine: on, overhead: found }, null, 2)}\n` : `${overheadTable(found)}\n`,
  )
}

function chosen({ quick, split = 'all', case: ids }: HealthOptions): Case[] {
  if (split !== 'all' && split !== 'test' && split !== 'tune') {
    throw new UserError(`Expected --split to be test, tune or all, got \`${split}\`.`)
  }
  const wanted = ids?.split(',')
  const unknown = wanted?.find((id) => !suite.some((c) => c.id === id))
  if (unknown !== undefined) {
    throw new UserError(`Expected --case to name cases (${suite.map(({ id }) => id).join(' ')}), got \`${unknown}\`.`)
  }
  return suite.filter(
    (c) => (wanted ? wanted.includes(c.id) : !quick || isQuick(c)) && (split === 'all' || splitOf(c) === split),
  )
}

export type Result = ReturnType<typeof summarize>

function summarize(runs: readonly Run[], labelsHash: string, seconds: number, named: boolean) {
  const detectors = [OURS, ...rivals.map(({ name }) => name)]
  const isShown = ({ c }: Run) => named || splitOf(c) !== 'test'
  const blind = { missed: [], falselyFlagged: [], misnamed: [], failed: [], touched: [] }
  const of = (part: readonly Run[]) => {
    const hidden = part.every(isShown) ? {} : blind
    return {
      runs: part.length,
      faulty: part.filter(({ faulty }) => faulty).length,
      detectors: detectors.map((name) => ({ ...scoreDetector(part, name), ...hidden })),
      classes: scoreClasses(part),
      confusion: confusion(part),
      repair: { ...scoreRepair(part), ...hidden },
    }
  }
  const splits = (['test', 'tune'] as const).flatMap((split) => {
    const part = runs.filter(({ c }) => splitOf(c) === split)
    return part.length > 0 ? [[split, of(part)] as const] : []
  })
  return {
    labels: labelsHash,
    seconds,
    runs: runs.filter(isShown).map(({ c, assessment: { seed, e, said, repair }, faulty, twin }) => ({
      ...{ id: c.id, seed, title: c.title, split: splitOf(c), faulty, since: c.since, names: c.classes },
      ...{ e, twin, alarms: said.find(({ detector }) => detector === OURS)!.alarms, repair },
    })),
    splits: Object.fromEntries(splits) as Partial<Record<'test' | 'tune', ReturnType<typeof of>>>,
  }
}

function print(result: Result, runs: readonly Run[], named: boolean): string {
  const parts = Object.entries(result.splits).map(([split, score]) => {
    const own = runs.filter(({ c }) => splitOf(c) === split)
    const [ours] = score.detectors
    const lines = [
      `${split.toUpperCase()}: ${score.faulty} faulty runs, ${score.runs - score.faulty} healthy`,
      detectorsTable(score.detectors),
      confusionTable(score.confusion),
      classesTable(score.classes),
      repairTables(own, score.repair),
      split === 'test' && !named
        ? 'Which runs went wrong is not said of this split, so that nobody tunes on it; --names says it.'
        : `missed: ${ours!.missed.join(' ') || 'none'}\nflagged though healthy: ${ours!.falselyFlagged.join(', ') || 'none'}\n` +
          `misnamed: ${ours!.misnamed.join(', ') || 'none'}\n` +
          `not repaired: ${score.repair.failed.join(' ') || 'none'}\ntouched though healthy: ${score.repair.touched.join(' ') || 'none'}`,
    ]
    return lines.join('\n\n')
  })
  return [...parts, `${result.seconds.toFixed(0)} s, labels ${result.labels.slice(0, 12)}`].join('\n\n')
}

async function write(folder: string, result: Result, runs: readonly Run[], named: boolean): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'health.json'), `${JSON.stringify(result, null, 2)}\n`)
  await writeFile(join(folder, 'health.txt'), `${print(result, runs, named)}\n`)
  for (const [split, score] of Object.entries(result.splits)) {
    const subtitle = `${split} split: ${score.faulty} faulty and ${score.runs - score.faulty} healthy runs`
    await writeFile(join(folder, `detectors-${split}.svg`), drawDetectors(score.detectors, subtitle))
    await writeFile(join(folder, `confusion-${split}.svg`), drawConfusion(score.confusion, subtitle))
  }
}

if (import.meta.main) {
  const has = (flag: string) => process.argv.includes(flag)
  const value = (flag: string) => (has(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined)
  await main({
    quick: has('--quick'),
    overhead: has('--overhead'),
    names: has('--names'),
    json: has('--json'),
    split: value('--split'),
    case: value('--case'),
    seeds: value('--seeds'),
    out: value('--out'),
  })
}
