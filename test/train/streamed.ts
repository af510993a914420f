/** Trains on a stream of as many MiB as its argument says, through a buffer of 1 MiB, and prints the peak of resident memory. */
import { Trainer } from '../../src/train/trainer.ts'
import { peakBytes } from './peak-bytes.ts'

const mebibytes = Number(process.argv[2])
const FEATURES = 255
const ROWS = 256

/** A quarter of a MiB each. */
function* chunks() {
  for (let chunk = 0; chunk < 4 * mebibytes; chunk++) {
    const x = new Float32Array(ROWS * FEATURES).fill((chunk % 7) / 7)
    yield { x, y: new Float32Array(ROWS).fill(chunk % 2) }
  }
}

await using trainer = await Trainer.create({
  batchSize: 256,
  workers: 2,
  epochs: 1,
  model: { layers: [{ type: 'dense', units: 2 }] },
})
const history = await trainer.fit(chunks(), { bufferRows: 1024 })
process.stdout.write(JSON.stringify({ steps: history.steps.length, peak: peakBytes() }))
