import { expect, test } from 'vitest'
import { predictionLines } from '../../src/cli/commands/predict.ts'
import { runFiles } from '../../src/cli/files.ts'
import { sayVerdict } from '../../src/gradient/advice.ts'
import { unknownHarm, type HealthCode, type Severity } from '../../src/gradient/verdict.ts'
import { finalAndBest, quote, summaryText } from '../../src/cli/summary.ts'

test('the best of a loss is its least value, of an accuracy its largest, NaN never', () => {
  expect(finalAndBest({ loss: [3, 1, 2], val_acc: [0.5, 0.9, NaN], mae: [NaN, 4] })).toEqual({
    loss: { last: 2, best: 1, epoch: 2 },
    val_acc: { last: NaN, best: 0.9, epoch: 2 },
    mae: { last: 4, best: 4, epoch: 2 },
  })
})

const verdict = (code: HealthCode, severity: Severity, step: number) =>
  sayVerdict({ code, severity, step, harm: unknownHarm, evidence: { ...evidence } })
const evidence = { signal: '', value: 0, baseline: NaN, threshold: 0, window: 1 }

test('the summary names model, values, files, and the commands to go on with', () => {
  const text = summaryText({
    layers: [4, 8, 3],
    parameters: 67,
    plan: '2 workers',
    data: {
      source: 'iris.csv',
      format: 'csv',
      rows: { train: 120, validation: 0, test: 30 },
      features: 4,
      targets: 1,
      task: 'classification',
      taskReason: '',
    },
    epochs: 2,
    stopped: 'completed',
    seconds: 1.5,
    samplesPerSecond: 160,
    history: { loss: [0.5, 0.25] },
    health: [verdict('GRAD_SPIKE', 'warn', 3), verdict('STALLED', 'fault', 8), verdict('STALLED', 'fault', 99)],
    actions: [],
    judged: true,
    test: { acc: 0.9 },
    hash: 'abc',
    files: runFiles('my runs'),
  })
  const lines = text.split('\n')
  expect(lines).toContain('model     4-8-3  (67 parameters)')
  expect(lines).toContain('data      iris.csv  (120 training, 30 test rows of 4 features)')
  expect(lines).toContain('health    fault: STALLED at step 8')
  expect(lines).toContain('try       raise the learning rate; Adam; other initial weights')
  expect(lines).toContain('loss      0.2500  (best 0.2500 in epoch 2)')
  expect(lines).toContain('test acc  90.00 %')
  expect(lines).toContain('weights   sha256 abc')
  expect(text).toContain("npx brigantine evaluate 'my runs/model.brig'")
  expect(text).toContain("npx brigantine train --resume 'my runs' --epochs N")
})

test('paths are quoted as a shell needs it', () => {
  expect([quote('a/b.c'), quote("it's")]).toEqual(['a/b.c', `'it'\\''s'`])
})

const classes = { kind: 'classes', name: 'y', classes: ['cat', 'a, dog'] } as const

test('classes are predicted by name, with their probability', () => {
  const outputs = Float32Array.of(0.25, 0.75, 1, 0)
  expect(predictionLines(outputs, 2, classes, 'text')).toEqual(['a, dog  0.7500', 'cat  1.0000'])
  expect(predictionLines(outputs, 2, classes, 'csv')).toEqual(['class,probability', '"a, dog",0.75', 'cat,1'])
  expect(JSON.parse(predictionLines(outputs, 2, classes, 'json')[0]!)).toEqual({
    class: 'a, dog',
    probability: 0.75,
    probabilities: [0.25, 0.75],
  })
})

test('one output is the probability of the second class', () => {
  expect(predictionLines(Float32Array.of(0.25), 1, classes, 'text')).toEqual(['cat  0.7500'])
})

test('numbers are given in their own unit: value x std + mean', () => {
  const target = { kind: 'numbers', names: ['price'], widths: [1], mean: [10], std: [2] } as const
  // 1.5 x 2 + 10 = 13, and -1 x 2 + 10 = 8.
  expect(predictionLines(Float32Array.of(1.5, -1), 2, target, 'csv')).toEqual(['price', '13', '8'])
  expect(predictionLines(Float32Array.of(1.5), 1, target, 'json')).toEqual(['{"price":13}'])
})
