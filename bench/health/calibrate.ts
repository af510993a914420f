/**
 * Where the constants of src/gradient/thresholds.ts come from: every verdict on the tune split, with its evidence, beside
 * what the case is. Only the tune split is ever looked at here; the test split only by `bench health`.
 *
 * node bench/health/calibrate.ts [--seeds n] [--case ids] [--all]
 */
import type { HealthVerdict } from '../../src/gradient/verdict.ts'
import type { Case } from './case.ts'
import type { Labels } from './label.ts'
import stored from './labels.json' with { type: 'json' }
import { classOf } from './subject.ts'
import { splitOf, suite } from './suite/index.ts'
import { train, unprotected } from './train.ts'

const option = (flag: string) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined
const seeds = Number(option('--seeds') ?? 1)
const chosen = option('--case')?.split(',')
const showsAll = process.argv.includes('--all')
const { labels } = stored as unknown as Labels

const isGrave = ({ severity }: HealthVerdict) => severity === 'fault' || severity === 'fatal'

const show = ({ code, severity, step, layer, evidence }: HealthVerdict) => {
  const { value, baseline, threshold, window } = evidence
  const figures = [value, baseline, threshold].map((v) => Number(v.toPrecision(3))).join('/')
  return `${severity} ${code}@${step} ${figures} in ${window}${layer === undefined ? '' : ` (${layer})`}`
}

/** What the first alarm after the fault set in says of the run. */
function outcome(c: Case, verdicts: readonly HealthVerdict[]): string {
  const label = labels[c.id]?.label
  const first = verdicts.filter(isGrave).find(({ step }) => step >= c.since || c.since === 0)
  const early = verdicts.filter(isGrave).find(({ step }) => c.since > 0 && step < c.since)
  if (label === 'healthy') return first ? 'FALSE' : 'ok'
  if (early) return 'EARLY'
  if (!first) return label === 'latent' ? 'latent' : 'MISSED'
  return c.classes.includes(classOf[first.code]!) ? 'right' : 'WRONG'
}

const counts: Record<string, number> = {}

function report(what: string, title: string, verdicts: readonly HealthVerdict[]): void {
  counts[what] = (counts[what] ?? 0) + 1
  const said = verdicts.filter((verdict) => showsAll || isGrave(verdict)).map(show)
  process.stdout.write(`${what.padEnd(6)} ${title}\n${said.map((line) => `         ${line}\n`).join('')}`)
}

for (const c of suite.filter((one) => splitOf(one) === 'tune' && (!chosen || chosen.includes(one.id)))) {
  for (let seed = 1; seed <= seeds; seed++) {
    const { verdicts } = await train(c, c.build, seed, unprotected)
    const since = c.since > 0 ? ` since ${c.since}` : ''
    report(outcome(c, verdicts), `${c.id}#${seed} ${c.title} [${c.classes.join(' ')}]${since}`, verdicts)
    // A twin that learns is one more healthy run.
    const twin = labels[c.id]!.outcomes.find((one) => one.seed === seed)!.twin
    if (c.twin === c.build || twin < 0.15) continue
    const alone = await train(c, c.twin, seed, unprotected)
    report(alone.verdicts.some(isGrave) ? 'FALSE' : 'ok', `twin of ${c.id}#${seed} (explains ${twin})`, alone.verdicts)
  }
}
process.stdout.write(`${JSON.stringify(counts)}\n`)
