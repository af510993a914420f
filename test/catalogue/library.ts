/** Calls of the library, with what TypeScript would not have let through. */
import { toDataset } from '../../src/data/tensor.ts'
import { loadModel } from '../../src/train/model.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { rows } from './runners.ts'

async function fitTokens(...x: number[][]): Promise<void> {
  const [table, flat] = [{ type: 'embedding', inputDim: 10, outputDim: 2 } as const, { type: 'flatten' } as const]
  await using trainer = await Trainer.create({ model: { layers: [table, flat, { type: 'dense', units: 3 }] } })
  await trainer.fit(toDataset({ x, y: x.map(() => 0) }))
}

export const libraryCases: readonly (readonly [(trainer: Trainer) => unknown, message: string])[] = [
  [() => toDataset({ x: [], y: [] }), 'Expected one row of data or more, got an empty y'],
  [() => toDataset({ x: [[1]], y: [] }), 'Expected one row of data or more, got an empty y'],
  [() => toDataset({ x: [[1], [2]], y: [1] }), 'Expected as many rows in x as in y, got x of 2 x 1 and y of 1 x 1'],
  [() => toDataset({ x: [[1, 2], [3]], y: [0, 1] }), 'Expected 2 numbers in x[1] as in x[0], got 1'],
  [() => toDataset({ x: [[1], ['2' as never]], y: [0, 1] }), 'Expected a number in x[1][0], got `"2"` (string)'],
  [
    () => toDataset({ x: [[1], [NaN]], y: [0, 1] }),
    'Expected finite numbers in x, got `NaN` in row 1, column 0 (both counted from 0; as float32). Remove the row or fill the value in',
  ],
  [
    () => toDataset({ x: [[1], [2]], y: [0, Infinity] }),
    'Expected finite numbers in y, got `Infinity` in row 1, column 0 (both counted from 0; as float32). Remove the row or fill the value in',
  ],
  [
    () => toDataset({ x: 'abc' as never, y: [1] }),
    'Expected x to be a typed array or an array of rows, got `"abc"` (string)',
  ],
  [() => toDataset({ x: null as never, y: [1] }), 'Expected x to be a typed array or an array of rows, got `null`'],
  [() => toDataset({ x: [[1], [2]], y: [0, 1], sampleWeight: [1] }), 'Expected 2 sample weights, one per row, got 1'],
  [
    () => toDataset({ x: [[1], [2]], y: [0, 1], sampleWeight: [1, -1] }),
    'Expected sample weights >= 0 and finite, got `-1` in sampleWeight[1]',
  ],
  [
    () => toDataset({ x: [[1], [2]], y: [0, 1], sampleWeight: [0, 0] }),
    'Expected a sample weight above 0, got only zeros',
  ],
  [
    () => toDataset({ x: [[1], [2]], y: [0, 1.5], task: 'classification' }),
    'Expected class labels to be integers >= 0, got `1.5` in y[1]',
  ],
  [
    () => toDataset({ x: [[1], [2]], y: [0, 2], task: 'classification', classNames: ['a', 'b'] }),
    'Expected class labels to be integers in 0..1 (2 classes), got `2` in y[1]',
  ],
  [
    () => toDataset({ x: [[1], [2]], y: [0, 1], featureNames: ['a', 'b'] }),
    'Expected 1 featureNames, one per column of x, got 2',
  ],
  [
    () => toDataset({ x: Float32Array.of(1, 2, 3), y: [0, 1] }),
    'Expected x to hold as many numbers for each of the 2 rows of y, got 3. Give `features`',
  ],
  [
    () => toDataset({ x: Float32Array.of(1, 2, 3), y: [0, 1], features: 2 }),
    'Expected x to hold whole rows of 2, got 3 numbers',
  ],
  [
    () => toDataset({ x: BigInt64Array.of(1n) as never, y: [0] }),
    'Expected x to be a typed array or an array of rows, got a BigInt64Array of 1',
  ],
  [
    (trainer) => trainer.fit(undefined as never),
    'Expected training data as `toDataset` or `loadData` make it, got `undefined`.',
  ],
  [
    (trainer) => trainer.fit({} as never),
    'Expected training data as `toDataset` or `loadData` make it, got an object with keys (none).',
  ],
  [
    (trainer) => trainer.fit(toDataset({ x: [[1, 2, 3]], y: [0] })),
    'Expected training data of shape [rows, 2], as the model takes it, got [1, 3].',
  ],
  [
    (trainer) => trainer.fit(toDataset({ x: [[1, 2]], y: [7] })),
    "Expected labels to be integers from 0 to 2 (the last layer has 3 units), got `7` in row 0. Correct the label, or set the last layer's `units` to the number of classes.",
  ],
  [
    (trainer) => trainer.fit(toDataset({ x: [[1, 2]], y: [-1] })),
    "Expected labels to be integers from 0 to 2 (the last layer has 3 units), got `-1` in row 0. Correct the label, or set the last layer's `units` to the number of classes.",
  ],
  [
    (trainer) => trainer.fit(toDataset({ x: [[1, 2]], y: [[0, 1]] })),
    "Expected targets of shape [rows, 3] for loss `meanSquaredError` over 3 outputs, got [rows, 2]. Set the last layer's `units` to 2, or choose another loss.",
  ],
  [
    async () => {
      const model = { inputShape: [2, 1], layers: [{ type: 'dense' as const, units: 3 }] }
      await using forgetful = await Trainer.create({ model })
      await forgetful.fit(toDataset({ x: [[1, 2]], y: [1] }))
    },
    "Layer `dense_1`: it gives rows of shape [2, 3], where loss `sparseCategoricalCrossentropy` takes [3]. Put a flatten or a globalAveragePooling1d before it, or give a label for each position and use loss: 'maskedCrossentropy'.",
  ],
  [
    () => fitTokens([0, 9], [2, 10]),
    'Layer `embedding_1`: expected whole numbers from 0 to 9, the rows of its table, got 10 in row 1, column 1 of the training data. Set `inputDim` to more than the largest.',
  ],
  [
    () => fitTokens([0, 0.5]),
    'Layer `embedding_1`: expected whole numbers from 0 to 9, the rows of its table, got 0.5 in row 0, column 1 of the training data. Number what is told apart from 0 on.',
  ],
  [
    (trainer) => trainer.fit(rows, { validationData: toDataset({ x: [[1]], y: [0] }) }),
    'Expected validation data of shape [rows, 2], as the model takes it, got [1, 1].',
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['worker-exi@step=1'] }),
    'Fault `worker-exi@step=1`: expected a fault of worker-exit, worker-throw, worker-stall, delay, nan, flip, weight, silent-part, large-part, torn-write, got `"worker-exi"` (string); did you mean `worker-exit`?',
  ],
  [
    (trainer) => trainer.fit(rows, { inject: Array<string>(40).fill('worker-exit') }),
    'Expected at most 32 faults, got 40.',
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['worker-exit@worker=1'] }),
    "Fault `worker-exit@worker=1` would never come: expected `worker` < 1, the run's number of workers, got `1`.",
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['nan@step=9'] }),
    "Fault `nan@step=9` would never come: expected `step` < 1, the run's number of batches, got `9`.",
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['delay@step=2,phase=evaluate'], validationData: rows }),
    "Fault `delay@step=2,phase=evaluate` would never come: expected `step` <= 1, the run's number of batches, got `2`.",
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['delay@phase=evaluate'] }),
    'Fault `delay@phase=evaluate` would never come: expected validation data for `phase=evaluate`, got none.',
  ],
  [
    (trainer) => trainer.fit(rows, { inject: ['torn-write'] }),
    'Fault `torn-write` would never come: expected a run that saves checkpoints, got one that saves none.',
  ],
  [
    (trainer) => trainer.fit({ ...rows, rows: 60 }),
    'Expected `x` of training data to hold `rows` x features = 60 x 2 numbers, got 8. `toDataset` counts them.',
  ],
  [
    (trainer) => trainer.fit({ ...rows, y: new Float32Array(3) }),
    'Expected `y` of training data to hold `rows` x targets = 4 x 1 numbers, got 3. `toDataset` counts them.',
  ],
  [(trainer) => trainer.fit(rows, 3 as never), 'Expected the options of `fit` to be an object, got `3` (number).'],
  [
    (trainer) => trainer.fit(rows, { epoch: 3 } as never),
    'Expected names that the options of `fit` have, got `epoch`; did you mean `epochs`?',
  ],
  [
    (trainer) => trainer.fit(rows, { inject: 'nan@step=3' as never }),
    'Expected `inject` to be an array of faults, got `"nan@step=3"` (string).',
  ],
  [(trainer) => trainer.fit(rows, { inject: [7 as never] }), 'Expected `inject[0]` to be a text, got `7` (number).'],
  [
    (trainer) => trainer.fit(rows, { callbacks: 7 as never }),
    'Expected `callbacks` to be an object, got `7` (number).',
  ],
  [
    (trainer) => trainer.fit(rows, { callbacks: { onEpochEnd: 5 as never } }),
    'Expected `callbacks.onEpochEnd` to be a function, got `5` (number).',
  ],
  [
    (trainer) => trainer.fit(rows, { callbacks: [{}, { onEpochEnds() {} } as never] }),
    'Expected names that `callbacks` has, got `onEpochEnds`; did you mean `onEpochEnd`?',
  ],
  [
    (trainer) => trainer.fit(rows, { onProgress: 'often' as never }),
    'Expected `onProgress` to be a function, got `"often"` (string).',
  ],
  [
    (trainer) => trainer.fit(rows, { signal: {} as never }),
    'Expected `signal` to be an AbortSignal, got an object with keys (none).',
  ],
  [
    (trainer) => trainer.fit(rows, { checkpoint: { directory: 'c', keep: 0 } }),
    'Expected `checkpoint.keep` to be an integer >= 1, got `0` (number).',
  ],
  [
    (trainer) => trainer.fit(rows, { checkpoint: { directory: 'c', every: 0.5 } }),
    'Expected `checkpoint.every` to be an integer >= 1, got `0.5` (number).',
  ],
  [
    (trainer) => trainer.fit(rows, { checkpoint: 'c' as never }),
    'Expected `checkpoint` to be an object, got `"c"` (string).',
  ],
  [
    (trainer) => trainer.fit(rows, { checkpoint: {} as never }),
    'Expected `checkpoint.directory` to be a text, got `undefined`.',
  ],
  [(trainer) => trainer.fit(rows, { trace: 1 as never }), 'Expected `trace` to be a text, got `1` (number).'],
  [(trainer) => trainer.fit(rows, { epochs: 0 }), 'Expected `epochs` to be an integer >= 1, got `0` (number).'],
  [(trainer) => trainer.fit(rows, { epochs: 1.5 }), 'Expected `epochs` to be an integer >= 1, got `1.5` (number).'],
  [(trainer) => trainer.predict([[1]]), 'Expected `x` of shape [rows, 2], got [1, 1].'],
  [(trainer) => trainer.predict([[1, 2], [3]]), 'Expected 2 numbers in x[1] as in x[0], got 1'],
  [(trainer) => trainer.predict([['a', 'b']] as never), 'Expected a number in x[0][0], got `"a"` (string)'],
  [(trainer) => trainer.predict([]), 'Expected `x` of one or more rows of 2 numbers, got 0 numbers.'],
  [(trainer) => trainer.predict(null as never), 'Expected `x` as rows of 2 numbers, got `null`.'],
  [
    (trainer) => trainer.evaluate(toDataset({ x: [[1]], y: [0] })),
    'Expected data of shape [rows, 2], as the model takes it, got [1, 1].',
  ],
  [
    (trainer) => trainer.setWeights({ nothing: Float32Array.of(1) }),
    'Expected one of the parameters dense_1/kernel, dense_1/bias, got `nothing`.',
  ],
  [
    (trainer) => trainer.setWeights({ 'dense_1/bias': Float32Array.of(1) }),
    'Expected 3 values for `dense_1/bias`, got 1.',
  ],
  [(trainer) => trainer.setWeights(null as never), 'Expected weights by the names of their parameters, got `null`.'],
  [
    (trainer) => trainer.save('nowhere/\0/x.brig'),
    'nowhere/\0/x.brig: could not be written (ERR_INVALID_ARG_VALUE). Choose another folder with `out` (--out).',
  ],
  [(trainer) => trainer.save(''), ': could not be written (ENOENT). Choose another folder with `out` (--out).'],
  [
    (trainer) => trainer.loadWeights('nowhere.safetensors'),
    'nowhere.safetensors: expected a safetensors file, but there is no such file.',
  ],
  [() => Trainer.create(undefined as never), 'expected an object, got `undefined`'],
  [
    () => Trainer.create({ model: { layers: [{ type: 'dense', units: 3 }] }, workers: 'one' as never }),
    '`workers`: expected \'auto\' or an integer from 1 to 256, got `"one"` (string)',
  ],
  [() => Trainer.load('nowhere.brig'), 'nowhere.brig: expected a model or checkpoint file, but there is no such file.'],
  [() => Trainer.load('nowhere.onnx'), 'nowhere.onnx: expected an ONNX file, but there is no such file.'],
  [() => loadModel('nowhere.brig'), 'nowhere.brig: expected a model or checkpoint file, but there is no such file.'],
]
