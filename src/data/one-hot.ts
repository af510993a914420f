/** Class labels as one probability per class, for losses that take these. */
import { UserError } from '../errors.ts'
import type { Dataset } from './dataset.ts'

/**
 * `y` of one column of class indices as a column per class: 1 for the row's own, 0 for the others.
 * @param classes how many; default: as many as have names, else the largest label + 1
 * @throws UserError where `y` is not one column of labels below `classes`
 */
export function toCategorical(data: Dataset, classes?: number): Dataset {
  if (data.targets !== 1) throw new UserError(`Expected one column of class labels in y, got ${data.targets}.`)
  const numClasses = classes ?? data.classNames?.length ?? data.y.reduce((most, label) => Math.max(most, label + 1), 0)
  const y = new Float32Array(data.rows * numClasses)
  data.y.forEach((label, row) => {
    if (!(Number.isInteger(label) && label >= 0 && label < numClasses)) {
      throw new UserError(`Expected labels to be integers from 0 to ${numClasses - 1}, got \`${label}\` in row ${row}.`)
    }
    y[row * numClasses + label] = 1
  })
  return { ...data, y, targets: numClasses }
}
