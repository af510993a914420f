/** One configuration of the suite: what is trained, what is wrong with it (if anything), and the same without the fault. */
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { DataName } from './data.ts'
import type { Injection } from './faults.ts'

export type Family = 'F1' | 'F2' | 'F3' | 'F4' | 'F5' | 'F6' | 'F7' | 'F8' | 'F9' | 'F10' | 'F11' | 'H'
export type Split = 'tune' | 'test'

/** What the fault does, in one word: rows and columns of the confusion matrix. */
export const classes = [
  'vanishing',
  'collapse',
  'overscale',
  'exploding',
  'non-finite',
  'dead',
  'oscillating',
  'stalled',
  'shattered',
  'symmetric',
  'shard',
] as const
export type Class = (typeof classes)[number]

/** One way to train on a data set. */
export interface Build {
  readonly config: Config
  /** Rows of the training part; 700 by default. A run of one epoch sees each once. */
  readonly rows?: number
  /** What is done to all rows, training and held out: a wrong scaling. */
  readonly scale?: (data: Dataset) => Dataset
  /** What is done to training rows alone: a bad record. */
  readonly poison?: (data: Dataset, seed: number) => Dataset
  readonly inject?: Injection
  /** Changes the initial weights, by parameter. */
  readonly initial?: (weights: Record<string, Float32Array>, shapes: Record<string, readonly number[]>) => void
}

export interface Case {
  readonly id: string
  readonly family: Family
  readonly title: string
  readonly data: DataName
  /** Activation, depth and width: no network of the tune split is of a family of the test split. */
  readonly net: string
  readonly steps: number
  readonly build: Build
  /** The same without the fault. Of a healthy case: the same without what makes it hard. */
  readonly twin: Build
  /** What the fault is, and which other names for it are right too; empty for a healthy case. */
  readonly classes: readonly Class[]
  /** Step at which the fault sets in. */
  readonly since: number
}

/**
 * Splitting by data: no case of the test split shares its data, nor its network family, with one of the tune split.
 * Constants may be chosen on `tune` alone.
 */
export const tuneData: readonly DataName[] = ['circles', 'spirals', 'sine', 'sparse', 'mixture']

export const splitOf = ({ data }: Pick<Case, 'data'>): Split => (tuneData.includes(data) ? 'tune' : 'test')

/** Of practice alone: no case of the suite has it. */
export const practiceData: readonly DataName[] = ['codes', 'waves', 'rings', 'signs']
