/**
 * Makes labels.json: what each case of the suite comes to without any detector, beside its twin without the fault.
 *
 *   faulty   a fault was injected, and the run is not finite or explains less than half of what its twin does,
 *            in at least 4 of 5 seeds
 *   healthy  none was, and the run learns and explains at least 0.9 of what its twin does, in 5 of 5
 *   latent   neither: reported, and not scored
 *
 * No detector takes part. node bench/health/label.ts [ids..]
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Case } from './case.ts'
import { splitOf, suite } from './suite/index.ts'
import { train, unprotected } from './train.ts'

export const labelSeeds = [1, 2, 3, 4, 5]

export interface Outcome {
  readonly seed: number
  /** Explained fractions of the run and of its twin, three digits; the run's is 0 where it is not finite. */
  readonly e: number
  readonly twin: number
  readonly nonFinite: boolean
}

export interface Label {
  readonly label: 'faulty' | 'healthy' | 'latent'
  readonly split: 'tune' | 'test'
  readonly outcomes: readonly Outcome[]
}

export interface Labels {
  readonly command: string
  /** SHA-256 over the labels as JSON. */
  readonly sha256: string
  readonly labels: Readonly<Record<string, Label>>
}

const LEARNS = 0.15

export const isFaulty = ({ e, twin, nonFinite }: Outcome): boolean => twin > LEARNS && (nonFinite || e < 0.5 * twin)
export const isHealthy = ({ e, twin, nonFinite }: Outcome): boolean => !nonFinite && e > LEARNS && e >= 0.9 * twin

export function hashOf(labels: Labels['labels']): string {
  return createHash('sha256').update(JSON.stringify(labels)).digest('hex')
}

export async function labelCase(c: Case): Promise<Label> {
  const outcomes: Outcome[] = []
  for (const seed of labelSeeds) {
    const run = await train(c, c.build, seed, unprotected)
    const twin = c.twin === c.build ? run : await train(c, c.twin, seed, unprotected)
    const e = run.nonFinite ? 0 : run.e
    outcomes.push({ seed, e: round(e), twin: round(twin.nonFinite ? 0 : twin.e), nonFinite: run.nonFinite })
  }
  const faulty = c.classes.length > 0 && outcomes.filter(isFaulty).length >= 4
  const healthy = c.classes.length === 0 && outcomes.every(isHealthy)
  return { label: faulty ? 'faulty' : healthy ? 'healthy' : 'latent', split: splitOf(c), outcomes }
}

const round = (value: number): number => Math.round(value * 1000) / 1000

const path = new URL('labels.json', import.meta.url)

async function main(ids: readonly string[]): Promise<void> {
  const wanted = suite.filter(({ id }) => ids.length === 0 || ids.includes(id))
  const old = await readFile(path, 'utf8').then(
    (text) => (JSON.parse(text) as Labels).labels,
    () => ({}),
  )
  const made: Record<string, Label> = { ...old }
  for (const c of wanted) {
    const label = (made[c.id] = await labelCase(c))
    const outcomes = label.outcomes.map(({ e, twin, nonFinite }) => `${nonFinite ? 'nan' : e}/${twin}`).join(' ')
    process.stderr.write(`${c.id.padEnd(5)} ${label.split} ${label.label.padEnd(8)} ${outcomes}  ${c.title}\n`)
  }
  const labels = Object.fromEntries(suite.flatMap(({ id }) => (made[id] ? [[id, made[id]]] : [])))
  const file: Labels = { command: 'node bench/health/label.ts', sha256: hashOf(labels), labels }
  await writeFile(path, `${JSON.stringify(file, null, 1)}\n`)
}

if (import.meta.main) await main(process.argv.slice(2))
