/** Before the first step of several ranks: whether all of them are about to do the same. */
import { createHash } from 'node:crypto'
import type { ResolvedConfig } from '../config/schema.ts'
import type { Ranks } from '../crew/ranks.ts'
import type { Dataset } from '../data/dataset.ts'
import { UserError } from '../errors.ts'
import { version } from '../package.ts'
import { probeBlas } from '../kernels/blas.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { Unfinished } from './session.ts'
import { State } from './state.ts'

interface Start {
  readonly data: Dataset
  readonly validation: Dataset | undefined
  readonly unfinished: Unfinished | undefined
}

/** What each fact is called, and what makes it equal. */
const ADVICE: Record<string, string> = {
  version: 'Install the same version on every machine.',
  config: 'Give every rank the same config and flags.',
  kernels: 'Install the same native library on the same kind of processor, or set `kernels` to what all have.',
  'training data': 'Give every machine the same data, in the same order.',
  'validation data': 'Give every machine the same data, in the same order.',
  'place to go on from': 'Give every machine the same checkpoint.',
}

/** Fields that may differ: threads, and where files lie. */
const HARMLESS = ['workers', 'out', 'blas', 'data']

/** @throws UserError naming what differs, and both sides */
export async function agreeAtStart(
  ranks: Ranks,
  { config, kernels }: { readonly config: ResolvedConfig; readonly kernels: KernelChoice },
  start: Start,
): Promise<void> {
  const own = factsOf(config, kernels, start)
  const all = (await ranks.gather(JSON.stringify(own))).map((text) => JSON.parse(text) as Record<string, string>)
  const problem = disagreement(all, (rank) => ranks.nameOf(rank))
  if (problem) throw new UserError(problem)
}

/** Whether one of them says so; alone, whether this process does. */
export async function anyRank(ranks: Ranks | undefined, yes: boolean): Promise<boolean> {
  return ranks ? (await ranks.gather(yes ? 'yes' : '')).includes('yes') : yes
}

/** The first fact in which a rank differs from rank 0, in words; `undefined` where all agree. */
export function disagreement(
  all: readonly Record<string, string>[],
  nameOf: (rank: number) => string,
): string | undefined {
  const [first] = all
  for (const [fact, value] of Object.entries(first!)) {
    const other = all.findIndex((facts) => facts[fact] !== value)
    if (other < 0) continue
    const [here, there] = fact === 'config' ? difference(value, all[other]![fact]!) : [value, all[other]![fact]]
    return (
      `Expected the same ${fact} on every rank, got ${here} on ${nameOf(0)} and ${there} on ${nameOf(other)}. ` +
      `${ADVICE[fact] ?? ''} Nothing was trained.`
    )
  }
  return undefined
}

function factsOf(config: ResolvedConfig, kernels: KernelChoice, { data, validation, unfinished }: Start) {
  const library = kernels.name === 'blas' ? probeBlas(kernels.blas) : undefined
  const words = library?.available ? `${kernels.name} (${library.library.description})` : kernels.name
  const rest = Object.fromEntries(Object.entries(config).filter(([field]) => !HARMLESS.includes(field)))
  return {
    version: version(),
    config: JSON.stringify(rest),
    kernels: `${words} on ${process.arch}`,
    'training data': describeData(data),
    'validation data': validation ? describeData(validation) : 'none',
    'place to go on from': unfinished ? `step ${unfinished.state[State.step]} ${hash(unfinished.state)}` : 'the start',
  }
}

const describeData = ({ rows, features, x, y }: Dataset): string => `${rows} x ${features} (SHA-256 ${hash(x, y)})`

function hash(...arrays: readonly (Float32Array | Float64Array)[]): string {
  const sum = createHash('sha256')
  for (const { buffer, byteOffset, byteLength } of arrays) sum.update(new Uint8Array(buffer, byteOffset, byteLength))
  return sum.digest('hex').slice(0, 16)
}

/** The first value in which two configs differ, as `path: value` of each. */
function difference(here: string, there: string): [string, string] {
  let [a, b] = [here, there].map((text) => JSON.parse(text) as unknown)
  let path = ''
  while (isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)) {
    const [left, right] = [a, b]
    const key = Object.keys({ ...left, ...right }).find(
      (name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]),
    )!
    path += Array.isArray(left) ? `[${key}]` : path === '' ? key : `.${key}`
    ;[a, b] = [left[key], right[key]]
  }
  const say = (value: unknown) => `\`${path}: ${value === undefined ? 'nothing' : JSON.stringify(value)}\``
  return [say(a), say(b)]
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
