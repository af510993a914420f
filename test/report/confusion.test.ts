import { expect, test } from 'vitest'
import { confusionText } from '../../src/report/confusion.ts'

test('a few classes are a table with recall beside and precision below', () => {
  const text = confusionText({ classes: ['cat', 'dog'], counts: [[30, 10], [0, 0]], undecided: [0, 0] }) // prettier-ignore
  expect(text.split('\n')).toEqual([
    'true \\ predicted      cat    dog  recall',
    'cat                    30     10  75.0 %',
    'dog                     .      .       -',
    'precision         100.0 %  0.0 %',
  ])
})

test('rows whose outputs are not numbers have a column, where there are any', () => {
  const text = confusionText({ classes: ['cat', 'dog'], counts: [[3, 0], [0, 4]], undecided: [1, 0] }) // prettier-ignore
  expect(text).toMatch(/^true \\ predicted +cat +dog +none +recall\ncat +3 +\. +1 +75\.0 %\n/)
})

test('of many classes the commonest mistakes are told', () => {
  const classes = Array.from({ length: 40 }, (_, c) => `class ${c}`)
  const counts = classes.map((_, t) => classes.map((_, p) => Number(t === p) * 10))
  const perfect = confusionText({ classes, counts, undecided: classes.map(() => 0) })
  expect(perfect).toBe('Confused most often:\n  none')
  counts[3]![7] = 5
  counts[7]![3] = 6
  const text = confusionText({ classes, counts, undecided: classes.map(() => 0) })
  expect(text.split('\n').slice(1)).toEqual([
    '  class 7  taken for  class 3  6  37.50 %',
    '  class 3  taken for  class 7  5  33.33 %',
  ])
})

test('classes that are a line end, a space or nothing are written out', () => {
  const text = confusionText({ classes: ['\n', ' ', ''], counts: [[1, 0, 0], [0, 2, 0], [0, 0, 3]], undecided: [0, 0, 0] }) // prettier-ignore
  expect(text.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual(['true \\ predicted', '"\\n"', '" "', '""', 'precision']) // prettier-ignore
})
