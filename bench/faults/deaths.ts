/**
 * Do the weights keep their bits whatever becomes of the workers? Trains one network again and again, with crews of 2 to
 * 8, while workers die at drawn places of drawn steps (before they have joined, at most twice in a row; before and inside a
 * drawn piece of each phase, with what it writes half written; in the decision after each, with the state half written;
 * between two pieces; by an end from outside, wherever they are), and compares the weights' SHA-256, and all losses, with those of an undisturbed run.
 *
 *   node bench/faults/deaths.ts [--deaths 1000] [--seed 1]
 */
import { parseArgs } from 'node:util'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { pieces } from '../../src/plan/pieces.ts'
import { normalAt, uniformAt } from '../../src/random/normal.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({
  options: { deaths: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})
const [wanted, seed] = [Number(values.deaths), Number(values.seed)]

const ROWS = 500
const FEATURES = 20
const EPOCHS = 20
const STEPS_PER_EPOCH = 16
/** More than lie between two copies of the state: a run is set back to its beginning, and to a copy. */
const STEPS = EPOCHS * STEPS_PER_EPOCH
const VALIDATION_ROWS = 100
/** Beside those at the start, and the one from outside. */
const PER_FIT = 8
const CREWS = [2, 3, 4, 5, 6, 7, 8]

const rowsOf = (count: number, split: number): Dataset =>
  toDataset({
    x: Float32Array.from({ length: count * FEATURES }, (_, i) => normalAt(seed, split, i)),
    y: Float32Array.from({ length: count }, (_, i) => Math.floor(uniformAt(seed, split + 1, i) * 4)),
    features: FEATURES,
  })
const data = rowsOf(ROWS, 0)
const validationData = rowsOf(VALIDATION_ROWS, 4)

const config: Config = {
  seed,
  epochs: EPOCHS,
  batchSize: 32,
  optimizer: 'adam',
  recovery: { restarts: 2 * PER_FIT },
  model: {
    layers: [
      { type: 'dense', units: 100 },
      { type: 'batchNorm' },
      { type: 'activation', activation: 'relu' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 40, activation: 'tanh' },
      { type: 'dense', units: 4 },
    ],
  },
}

/** Ends one of the crew's threads when so much time has gone by. */
interface FromOutside {
  readonly worker: number
  readonly afterMillis: number
}

async function train(crew: Crew, inject: readonly string[] = [], outside?: FromOutside) {
  await using trainer = await Trainer.create({ ...config, workers: crew.workers }, { crew })
  // Nobody, where the last one is just being replaced.
  const timer = outside && setTimeout(() => void crew.threads[outside.worker]?.terminate(), outside.afterMillis)
  const { casualties, steps, unfired } = await trainer.fit(data, { validationData, inject })
  clearTimeout(timer)
  return { hash: trainer.weightsHash(), casualties, unfired: unfired.length, losses: steps.loss.join() }
}

interface Place {
  readonly where: string
  readonly pieces: number
  /** Steps from one time that it comes to the next. */
  readonly every: number
}

async function allPlaces(): Promise<Place[]> {
  await using trainer = await Trainer.create({ ...config, workers: 1 })
  const plan = trainer.plan(data, validationData)
  const rows = plan.spec.batchSize
  const evaluated = Math.min(plan.evaluationRows, VALIDATION_ROWS)
  return [
    ...plan.stages.map((_, i) => ({
      where: `phase=rows,stage=${i + 1}`,
      pieces: pieces.stage(plan, i, rows),
      every: 1,
    })),
    { where: 'phase=gradient', pieces: pieces.gradient(plan, 0, rows), every: 1 },
    { where: 'phase=reduce', pieces: pieces.reduce(plan), every: 1 },
    { where: 'phase=update', pieces: pieces.update(plan), every: 1 },
    { where: 'phase=evaluate', pieces: pieces.evaluate(plan, evaluated), every: STEPS_PER_EPOCH },
    { where: 'phase=snapshot', pieces: pieces.snapshot(plan), every: plan.snapshotSteps },
  ]
}

let drawn = 0
const draw = (below: number) => Math.floor(uniformAt(seed, 2, drawn++) * below)
const places = await allPlaces()

function inAStep(): string {
  const { where, pieces, every } = places[draw(places.length)]!
  // What does not come in every step comes at the end of some.
  const step = every === 1 ? draw(STEPS) : every * (1 + draw(Math.floor((STEPS - 1) / every)))
  const at = ['claim', 'piece', 'decide', 'wait'][draw(4)]!
  if (at === 'wait') return `worker-exit@step=${step},at=wait`
  return `worker-exit@step=${step},${where},at=${at}${at === 'decide' ? '' : `,piece=${draw(pieces)}`}`
}

/** None, one, or one and the one that replaces it. */
function atStart(workers: number): string[] {
  const worker = draw(workers)
  return Array.from({ length: draw(3) }, () => `worker-exit@at=start,worker=${worker}`)
}

const crews = CREWS.map((workers) => new Crew(workers))
const begun = performance.now()
const undisturbed = await train(crews[0]!)
const whole = performance.now() - begun
const died = new Map<string, number>()
let [deaths, fits, different, unfired, stalled] = [0, 0, 0, 0, 0]
const started = performance.now()
while (deaths < wanted) {
  const crew = crews[fits++ % crews.length]!
  const inject = [...atStart(crew.workers), ...Array.from({ length: PER_FIT }, inAStep)]
  const outcome = await train(crew, inject, { worker: draw(crew.workers), afterMillis: draw(2 * whole) })
  deaths += outcome.casualties.length
  unfired += outcome.unfired
  stalled += outcome.casualties.filter(({ how }) => how === 'stalled').length
  for (const { phase } of outcome.casualties) died.set(phase!, (died.get(phase!) ?? 0) + 1)
  if (outcome.hash !== undisturbed.hash || outcome.losses !== undisturbed.losses) different++
  process.stderr.write(`${deaths} deaths in ${fits} trainings, ${different} of them different\n`)
}
await Promise.all(crews.map((crew) => crew.close()))

const seconds = ((performance.now() - started) / 1000).toFixed(0)
for (const [place, count] of [...died].sort(([a], [b]) => a.localeCompare(b)))
  process.stdout.write(`  ${place}: ${count}\n`)
process.stdout.write(
  `${deaths} deaths in ${fits} trainings, crews of ${CREWS.join(', ')}, ${seconds} s; ${unfired} that never came\n`,
)
process.stdout.write(`workers that hung for another's death: ${stalled}\n`)
process.stdout.write(`weights and losses with the bits of an undisturbed run: ${fits - different} of ${fits}\n`)
process.exitCode = different + stalled > 0 ? 1 : 0
