/** A short run with `--trace`, read back: what each worker did when. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import type { Trainer } from '../src/train/trainer.ts'
import { settled } from './settled.ts'

/** A complete event of the Chrome trace; times in microseconds, `tid` the worker. */
export interface Span {
  readonly name: string
  readonly ph: string
  readonly tid: number
  readonly ts: number
  readonly dur: number
  readonly args: { readonly piece: number }
}

export interface Traced {
  /** Of each step. */
  readonly micros: Float32Array
  /**
   * Pieces by their phase's name, `decide` and `wait`, of the run's settled steps, worker by worker. To read them leaves so
   * much garbage that a run soon after would share its cores with the collector.
   */
  read(): Span[]
}

export async function traced(trainer: Trainer, data: Dataset, epochs: number): Promise<Traced> {
  const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
  try {
    const trace = join(directory, 'trace.json')
    const { micros } = (await trainer.fit(data, { epochs, trace })).steps
    const text = await readFile(trace)
    const kept = settled(micros).reduce((sum, step) => sum + step, 0)
    return { micros, read: () => lastOf(text, kept) }
  } finally {
    await rm(directory, { recursive: true })
  }
}

function lastOf(text: Buffer, micros: number): Span[] {
  const { traceEvents } = JSON.parse(text.toString()) as { traceEvents: Span[] }
  const spans = traceEvents.filter(({ ph }) => ph === 'X')
  const end = spans.reduce((most, { ts, dur }) => Math.max(most, ts + dur), 0)
  return spans.filter(({ ts }) => ts >= end - micros)
}
