/**
 * How long from the start of a process to its first step? Data in memory, mlp-mnist; the median of processes that each
 * import the library, make a trainer and train one step. Milliseconds since the process was asked for.
 * node bench/start.ts [KERNELS [WORKERS]]
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from './statistics.ts'

const [kernels = 'auto', workers = 'auto'] = process.argv.slice(2)
const PROCESSES = 11

const child = `
  const { Trainer } = await import(${JSON.stringify('brigantine')})
  const loaded = Date.now()
  const rows = 256
  const x = new Float32Array(rows * 784).map((_, i) => (i * 2654435761 % 256) / 255)
  const y = new Float32Array(rows).map((_, i) => i % 10)
  const trainer = await Trainer.create({
    model: { layers: [{ type: 'dense', units: 128, activation: 'relu' }, { type: 'dense', units: 10 }] },
    batchSize: 64, maxSteps: 1, kernels: ${JSON.stringify(kernels)}, workers: ${workers === 'auto' ? "'auto'" : workers},
  })
  let stepped
  await trainer.fit({ rows, features: 784, targets: 1, x, y }, { callbacks: { onBatchEnd: () => (stepped ??= Date.now()) } })
  console.log(JSON.stringify([loaded, stepped]))
  await trainer.close()
`
const times = Array.from({ length: PROCESSES }, () => {
  const asked = Date.now()
  const args = ['--input-type=module', '--eval', child]
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const [loaded, stepped] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd })) as number[]
  return { loaded: loaded! - asked, stepped: stepped! - asked }
})
const of = (key: 'loaded' | 'stepped') => median(times.map((time) => time[key]))
process.stdout.write(`first step after ${of('stepped')} ms, of which ${of('loaded')} ms until the library is loaded\n`)
