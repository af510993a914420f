/**
 * What the detector says and repair makes of suite/practice.ts, run by run: where remedies and constants are chosen.
 *
 * node bench/health/practice.ts [--wide|--hard|--drawn|--far] [--seeds n] [--case ids]
 */
import { OURS } from './assess.ts'
import { isFaulty, isHealthy } from './label.ts'
import { assessAll } from './pool.ts'
import { practice } from './suite/practice.ts'
import { practiceDrawn, practiceFar } from './suite/practice-drawn.ts'
import { practiceHard } from './suite/practice-hard.ts'
import { practiceWide } from './suite/practice-wide.ts'
import { train, unprotected } from './train.ts'

const option = (flag: string) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined
const seeds = Array.from({ length: Number(option('--seeds') ?? 2) }, (_, i) => i + 1)
const chosen = option('--case')?.split(',')
const has = (flag: string) => process.argv.includes(flag)
const sets = { '--wide': practiceWide, '--hard': practiceHard, '--drawn': practiceDrawn, '--far': practiceFar }
const all = Object.entries(sets).find(([flag]) => has(flag))?.[1] ?? practice
const cases = all.filter(({ id }) => !chosen || chosen.includes(id))
const tasks = cases.flatMap(({ id }) => seeds.map((seed) => ({ id, seed })))
const found = await assessAll(tasks, () => {})
const counts: Record<string, number> = {}

for (const { id, seed, e, said, repair, steps } of found) {
  const c = all.find((each) => each.id === id)!
  const isHard = c.classes.length > 0
  const twin = isHard ? (await train(c, c.twin, seed, unprotected)).e : e
  const outcome = { seed, e, twin, nonFinite: e === 0 }
  const label = isHard ? (isFaulty(outcome) ? 'faulty' : 'latent') : isHealthy(outcome) ? 'healthy' : 'latent'
  const alarms = said.find(({ detector }) => detector === OURS)!.alarms
  const isRepaired = repair.e >= 0.9 * twin && repair.cost <= 2 && repair.stopped === undefined
  const isRight = label === 'healthy' ? alarms.length + repair.actions.length === 0 : isRepaired
  const verdict = label === 'latent' ? 'latent' : isRight ? 'right' : 'WRONG'
  counts[verdict] = (counts[verdict] ?? 0) + 1
  const of = (value: number) => value.toFixed(3)
  const heard = alarms.slice(0, 4).map(({ code, step }) => `${code}@${step}`)
  const done = repair.actions.map((action) => `${action.verdict}@${action.step} ${action.remedy}`)
  process.stdout.write(
    `${verdict.padEnd(6)} ${id}#${seed} ${c.title} (${steps} steps, x ${repair.cost.toFixed(2)})\n` +
      `         e ${of(e)}, twin ${of(twin)}, repaired ${of(repair.e)} ${repair.stopped ?? ''}\n` +
      `         said ${heard.join(' ')}\n         did ${done.join('; ')}\n`,
  )
}
process.stdout.write(`${JSON.stringify(counts)}\n`)
