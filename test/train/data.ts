/** Generated data for tests of the trainer: no file, no chance. */
import type { Dataset } from '../../src/data/dataset.ts'
import { normalAt, uniformAt } from '../../src/random/normal.ts'

/** `classes` Gaussian blobs in `features` dimensions; learnable, and not trivially. */
export function blobs(rows: number, features: number, classes: number, seed = 1): Dataset {
  const y = Float32Array.from({ length: rows }, (_, i) => Math.floor(uniformAt(seed, 0, i) * classes))
  const x = Float32Array.from({ length: rows * features }, (_, i) => {
    const label = y[Math.floor(i / features)]!
    return 1.5 * normalAt(99, label, i % features) + normalAt(seed, 1, i)
  })
  return { rows, features, targets: 1, x, y }
}

/** y = a x + noise. */
export function line(rows: number, features: number, seed = 1): Dataset {
  const x = Float32Array.from({ length: rows * features }, (_, i) => normalAt(seed, 0, i))
  const y = Float32Array.from({ length: rows }, (_, r) => {
    let sum = 0.1 * normalAt(seed, 1, r)
    for (let c = 0; c < features; c++) sum += x[r * features + c]! * (c + 1)
    return sum
  })
  return { rows, features, targets: 1, x, y }
}
