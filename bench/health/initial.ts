/**
 * What the check before the first step sees on the tune split: of every case and of its twin without the fault. The
 * limits in src/gradient/thresholds.ts lie between those that learn and those that do not.
 *
 * node bench/health/initial.ts [--seed n]
 */
import { buildModel } from '../../src/model/build.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { profile } from '../../src/gradient/rules/profile.ts'
import { compileFor, resolveKernels } from '../../src/kernels/select.ts'
import { parseConfig } from '../../src/config/schema.ts'
import { look } from '../../src/train/preflight.ts'
import { resolveTask } from '../../src/train/prepare.ts'
import { initialWeights } from '../../src/train/weights.ts'
import type { Build, Case } from './case.ts'
import { isRegression, makeData } from './data.ts'
import type { Labels } from './label.ts'
import stored from './labels.json' with { type: 'json' }
import { splitOf, suite } from './suite/index.ts'

const { labels } = stored as unknown as Labels
const at = process.argv.indexOf('--seed')
const seed = at < 0 ? 1 : Number(process.argv[at + 1])

const short = (value: number) => String(Number(value.toPrecision(3))).padStart(9)

async function row(c: Case, build: Build): Promise<string> {
  const data: Dataset = (build.scale ?? ((d: Dataset) => d))(makeData(c.data, build.rows).train)
  const config = parseConfig({
    ...build.config,
    loss: isRegression(c.data) ? 'meanSquaredError' : 'sparseCategoricalCrossentropy',
    seed,
    kernels: 'wasm-strict',
  })
  const kernels = resolveKernels(config.kernels, undefined)
  const model = buildModel(config.model, data.features)
  const weights = await initialWeights(model, config.optimizer, seed)
  const named = Object.fromEntries(model.parameters.map(({ name }, i) => [name, weights.parameters[i]!]))
  build.initial?.(named, Object.fromEntries(model.parameters.map(({ name, shape }) => [name, shape])))
  const task = resolveTask(config, model, data)
  const seen = await look({ config, model, weights, task, data, kernels, module: compileFor(kernels) })
  if (!seen) return ''
  const { layers } = seen
  const hidden = layers.slice(0, -1)
  const column = (of: (layer: (typeof layers)[number]) => number, from = hidden) => Float64Array.from(from, of)
  const u = profile(
    column(({ gradient, weights: w }) => gradient / w),
    hidden.length,
  )
  const a = -profile(
    column(({ activation }) => activation),
    hidden.length,
  )
  const d = profile(
    column(({ backSignal }) => backSignal, [...layers]),
    layers.length,
  )
  const moves = layers
    .flatMap(({ update, weights: w }) => (update > 0 && w > 0 ? [update / w] : []))
    .sort((x, y) => x - y)
  const flat = Math.max(0, ...hidden.map((layer) => layer.flat).filter((x) => x >= 0))
  const narrow = hidden.reduce((sum, { units, active }) => sum + (Number.isNaN(active) ? 0 : 1 / units), 0)
  const ratio = seen.loss / Math.max(seen.nullLoss, seen.zeroLoss)
  return [ratio, u, a, d, seen.cosine, narrow, flat, moves[moves.length >> 1] ?? NaN].map(short).join(' ')
}

const words = ['loss/null', 'u', 'a', 'd', 'cosine', 'sum 1/n', 'flat', 'update']
process.stdout.write(`${'case'.padEnd(14)} ${words.map((word) => word.padStart(9)).join(' ')}\n`)
for (const c of suite.filter((one) => splitOf(one) === 'tune')) {
  const label = labels[c.id]!
  process.stdout.write(`${`${c.id} ${label.label}`.padEnd(14)} ${await row(c, c.build)}  ${c.title}\n`)
  const twin = label.outcomes.find((one) => one.seed === seed)!.twin
  if (c.twin !== c.build && twin > 0.15) process.stdout.write(`${'   twin'.padEnd(14)} ${await row(c, c.twin)}\n`)
}
