/**
 * The data of the health benchmark: generated, small, a pure function of name and rows. `circles` and `blobs` have the
 * parameters of AutoTrainer's Circle and Blob sets (ICSE 2021), so that rows can be set beside its table; the numbers
 * come from another generator. `digits` are the built-in ones.
 */
import { loadBuiltin } from '../../src/data/builtin/index.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { NumberColumn } from '../../src/data/table.ts'
import { normalAt, uniformAt } from '../../src/random/normal.ts'

export const dataNames = [
  'circles',
  'blobs',
  'spirals',
  'digits',
  'sine',
  'friedman',
  'parity',
  'sparse',
  'copy',
  'mixture',
  'codes',
  'waves',
  'rings',
  'signs',
] as const
export type DataName = (typeof dataNames)[number]

/** `train` is what is learnt, `held` what accuracy is taken on: rows of the same kind that are not in `train`. */
export interface Pair {
  readonly train: Dataset
  readonly held: Dataset
}

/** Outputs a network needs for the data. */
export const outputsOf: Readonly<Record<DataName, number>> = {
  circles: 2,
  blobs: 3,
  spirals: 2,
  digits: 10,
  sine: 1,
  friedman: 1,
  parity: 2,
  sparse: 4,
  copy: 4,
  mixture: 4,
  codes: 10,
  waves: 1,
  rings: 3,
  signs: 2,
}

const NUMERIC: readonly DataName[] = ['sine', 'friedman', 'waves']
export const isRegression = (name: DataName): boolean => NUMERIC.includes(name)

const HELD_ROWS = 300

/** @param rows of the training part; the digits have 1,437 at the most */
export function makeData(name: DataName, rows = 700): Pair {
  const whole = name === 'digits' ? digits() : generate(name, rows + HELD_ROWS)
  const train = Math.min(rows, whole.rows - HELD_ROWS)
  return { train: rowsOf(whole, 0, train), held: rowsOf(whole, train, train + HELD_ROWS) }
}

export function rowsOf(data: Dataset, from: number, to: number): Dataset {
  const { features, targets, x, y } = data
  return {
    ...data,
    rows: to - from,
    x: x.slice(from * features, to * features),
    y: y.slice(from * targets, to * targets),
  }
}

/** Row `r` writes its features into `x` and returns its target. */
type Draw = (r: number, x: Float64Array) => number

function generate(name: Exclude<DataName, 'digits'>, rows: number): Dataset {
  const [features, draw] = generators[name]
  const x = new Float32Array(rows * features)
  const y = new Float32Array(rows)
  const row = new Float64Array(features)
  for (let r = 0; r < rows; r++) {
    y[r] = draw(r, row)
    x.set(row, r * features)
  }
  return { rows, features, targets: 1, x, y }
}

const uniform = (stream: number, i: number) => uniformAt(20, stream, i)
const normal = (stream: number, i: number) => normalAt(20, stream, i)

/** Centres of scikit-learn's `make_blobs(centers=3, n_features=2, random_state=2)`. */
const BLOBS = [
  [-1.280102, -9.481475],
  [0.993249, -1.293552],
  [-1.592644, -3.393304],
] as const

const generators: Record<Exclude<DataName, 'digits'>, [features: number, draw: Draw]> = {
  circles: [
    2,
    (r, x) => {
      const label = r % 2
      const angle = 2 * Math.PI * uniform(0, r)
      const radius = label === 0 ? 1 : 0.8
      x[0] = radius * Math.cos(angle) + 0.1 * normal(1, 2 * r)
      x[1] = radius * Math.sin(angle) + 0.1 * normal(1, 2 * r + 1)
      return label
    },
  ],
  blobs: [
    2,
    (r, x) => {
      const label = r % 3
      for (let c = 0; c < 2; c++) x[c] = BLOBS[label]![c]! + 2 * normal(2, 2 * r + c)
      return label
    },
  ],
  spirals: [
    2,
    (r, x) => {
      const label = r % 2
      const t = Math.sqrt(uniform(3, r))
      const angle = 1.5 * Math.PI * t + Math.PI * label
      x[0] = 1.5 * t * Math.cos(angle) + 0.04 * normal(4, 2 * r)
      x[1] = 1.5 * t * Math.sin(angle) + 0.04 * normal(4, 2 * r + 1)
      return label
    },
  ],
  sine: [
    1,
    (r, x) => {
      x[0] = 2 * uniform(5, r) - 1
      return Math.sin(4 * x[0]) + 0.05 * normal(6, r)
    },
  ],
  // Friedman, "Multivariate adaptive regression splines" (1991), standardised.
  friedman: [
    10,
    (r, x) => {
      for (let c = 0; c < 10; c++) x[c] = uniform(7, 10 * r + c)
      const y = 10 * Math.sin(Math.PI * x[0]! * x[1]!) + 20 * (x[2]! - 0.5) ** 2 + 10 * x[3]! + 5 * x[4]! + normal(8, r)
      for (let c = 0; c < 10; c++) x[c] = (x[c]! - 0.5) * Math.sqrt(12)
      return (y - 14.4) / 5
    },
  ],
  parity: [
    6,
    (r, x) => {
      let odd = 0
      for (let c = 0; c < 6; c++) {
        const bit = uniform(9, 6 * r + c) < 0.5 ? 0 : 1
        if (c < 4) odd ^= bit
        x[c] = 2 * bit - 1
      }
      return odd
    },
  ],
  sparse: [
    784,
    (r, x) => {
      x.fill(0)
      const label = r % 4
      // Eight of 784 features, seven of them from the label's own quarter.
      for (let i = 0; i < 8; i++) {
        const at = Math.floor(196 * uniform(10, 8 * r + i))
        x[at + 196 * (i < 7 ? label : (label + 1) % 4)] = 1
      }
      return label
    },
  ],
  // Sixteen symbols of four kinds, one number each; the answer is the first.
  copy: [
    16,
    (r, x) => {
      for (let c = 0; c < 16; c++) x[c] = (Math.floor(4 * uniform(11, 16 * r + c)) - 1.5) / 1.118
      return Math.round(x[0]! * 1.118 + 1.5)
    },
  ],
  mixture: [
    16,
    (r, x) => {
      const label = r % 4
      for (let c = 0; c < 16; c++) x[c] = 0.8 * normal(12, 16 * label + c) + normal(13, 16 * r + c)
      return label
    },
  ],
  // Ten words of 64 bits, of which one in five is wrong.
  codes: [
    64,
    (r, x) => {
      const label = r % 10
      for (let c = 0; c < 64; c++) {
        const bit = uniform(14, 64 * label + c) < 0.5
        x[c] = (uniform(15, 64 * r + c) < 0.2 ? !bit : bit) ? 1 : 0
      }
      return label
    },
  ],
  waves: [
    8,
    (r, x) => {
      for (let c = 0; c < 8; c++) x[c] = normal(16, 8 * r + c)
      return Math.sin(1.5 * x[0]!) + 0.5 * x[1]! * x[2]! + 0.7 * Math.abs(x[3]!) - 0.5 + 0.1 * normal(17, r)
    },
  ],
  rings: [
    2,
    (r, x) => {
      const label = r % 3
      const angle = 2 * Math.PI * uniform(18, r)
      const radius = 0.5 + 0.5 * label
      x[0] = radius * Math.cos(angle) + 0.1 * normal(19, 2 * r)
      x[1] = radius * Math.sin(angle) + 0.1 * normal(19, 2 * r + 1)
      return label
    },
  ],
  // Whether two of five features have the same sign: a short plateau.
  signs: [
    5,
    (r, x) => {
      for (let c = 0; c < 5; c++) x[c] = normal(20, 5 * r + c)
      return x[0]! * x[1]! > 0 ? 1 : 0
    },
  ],
}

function digits(): Dataset {
  const { rows, columns } = loadBuiltin('digits')
  const [pixels, labels] = columns as [NumberColumn, NumberColumn]
  const x = Float32Array.from(pixels.values, (value) => value / 16)
  return { rows, features: 64, targets: 1, x, y: Float32Array.from(labels.values) }
}
