/**
 * Do the weights keep their bits whatever becomes of the workers? Trains one network again and again, with crews of 2 to
 * 8, while workers die at drawn places of drawn steps (before they have joined, after claiming, inside a piece of each
 * phase with what it writes half written, in the decision with the state half written, between two pieces), and compares
 * the weights' SHA-256 with that of an undisturbed run.
 *
 *   node bench/faults/deaths.ts [--deaths 1000] [--seed 1]
 */
import { parseArgs } from 'node:util'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { normalAt, uniformAt } from '../../src/random/normal.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({
  options: { deaths: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})
const [wanted, seed] = [Number(values.deaths), Number(values.seed)]

const ROWS = 500
const FEATURES = 20
/** The state is copied every 209: a run is set back to its beginning, and to a copy. */
const STEPS = 320
const PER_FIT = 8
const PLACES = [
  'phase=rows,at=claim',
  'phase=rows',
  'phase=rows,at=decide',
  'phase=gradient',
  'phase=gradient,at=decide',
  'phase=reduce',
  'phase=reduce,at=decide',
  'phase=update,at=claim',
  'phase=update',
  'phase=update,at=decide',
  'at=wait',
]

const data = toDataset({
  x: Float32Array.from({ length: ROWS * FEATURES }, (_, i) => normalAt(seed, 0, i)),
  y: Float32Array.from({ length: ROWS }, (_, i) => Math.floor(uniformAt(seed, 1, i) * 4)),
  features: FEATURES,
})
const config: Config = {
  seed,
  epochs: 20,
  batchSize: 32,
  optimizer: 'adam',
  recovery: { restarts: 2 * PER_FIT },
  model: {
    layers: [
      { type: 'dense', units: 200, activation: 'relu' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 100, activation: 'tanh' },
      { type: 'dense', units: 4 },
    ],
  },
}

async function train(crew: Crew, inject: readonly string[]) {
  await using trainer = await Trainer.create({ ...config, workers: crew.workers }, { crew })
  const history = await trainer.fit(data, { inject })
  return { hash: trainer.weightsHash(), casualties: history.casualties, losses: history.steps.loss.join() }
}

let drawn = 0
const draw = (below: number) => Math.floor(uniformAt(seed, 2, drawn++) * below)
const fault = () => `worker-exit@step=${draw(STEPS)},${PLACES[draw(PLACES.length)]}`

const crews = [2, 3, 5, 8].map((workers) => new Crew(workers))
const undisturbed = await train(crews[0]!, [])
const places = new Map<string, number>()
let [deaths, fits, different] = [0, 0, 0]
const started = performance.now()
while (deaths < wanted) {
  const crew = crews[fits++ % crews.length]!
  const outcome = await train(
    crew,
    Array.from({ length: PER_FIT }, () => fault()),
  )
  deaths += outcome.casualties.length
  for (const { phase } of outcome.casualties) places.set(phase!, (places.get(phase!) ?? 0) + 1)
  if (outcome.hash !== undisturbed.hash || outcome.losses !== undisturbed.losses) different++
  if (fits % 10 === 0) process.stderr.write(`${deaths} deaths in ${fits} trainings, ${different} of them different\n`)
}
await Promise.all(crews.map((crew) => crew.close()))

const seconds = ((performance.now() - started) / 1000).toFixed(0)
for (const [place, count] of [...places].sort(([a], [b]) => a.localeCompare(b)))
  process.stdout.write(`  ${place}: ${count}\n`)
process.stdout.write(`${deaths} deaths in ${fits} trainings, crews of 2, 3, 5 and 8, ${seconds} s\n`)
process.stdout.write(`weights and losses with the bits of an undisturbed run: ${fits - different} of ${fits}\n`)
process.exitCode = different > 0 ? 1 : 0
