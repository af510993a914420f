/** A short run with `--trace`, read back: what each worker did when. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import type { Trainer } from '../src/train/trainer.ts'

/** A complete event of the Chrome trace; times in microseconds, `tid` the worker. */
export interface Span {
  readonly name: string
  readonly ph: string
  readonly tid: number
  readonly ts: number
  readonly dur: number
  readonly args: { readonly piece: number }
}

/** @returns pieces by their phase's name, `decide` and `wait`, of the run's last steps, worker by worker */
export async function tracedSpans(trainer: Trainer, data: Dataset, epochs: number): Promise<Span[]> {
  const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
  try {
    const trace = join(directory, 'trace.json')
    await trainer.fit(data, { epochs, trace })
    const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: Span[] }
    return traceEvents.filter(({ ph }) => ph === 'X')
  } finally {
    await rm(directory, { recursive: true })
  }
}
