/** Configs, beside a model that is fine unless given. */

export const configCases: readonly (readonly [object, message: string])[] = [
  [{ seed: -1 }, '`seed`: expected an integer from 0 to 4294967295, got `-1` (number)'],
  [{ seed: 2 ** 32 }, '`seed`: expected an integer from 0 to 4294967295, got `4294967296` (number)'],
  [{ seed: 1.5 }, '`seed`: expected an integer from 0 to 4294967295, got `1.5` (number)'],
  [{ seed: 'one' }, '`seed`: expected an integer from 0 to 4294967295, got `"one"` (string)'],
  [{ seed: NaN }, '`seed`: expected an integer from 0 to 4294967295, got `NaN` (number)'],
  [{ seed: null }, '`seed`: expected an integer from 0 to 4294967295, got `null`'],
  [{ epochs: 0 }, '`epochs`: expected an integer >= 1, got `0` (number)'],
  [{ epochs: -3 }, '`epochs`: expected an integer >= 1, got `-3` (number)'],
  [{ epochs: Infinity }, '`epochs`: expected an integer >= 1, got `Infinity` (number)'],
  [{ epochs: '10' }, '`epochs`: expected an integer >= 1, got `"10"` (string)'],
  [{ epochs: [10] }, '`epochs`: expected an integer >= 1, got an array of 1'],
  [{ epoch: 3 }, '`epoch`: unknown field; did you mean `epochs`?'],
  [{ batchSize: 0 }, "`batchSize`: expected an integer >= 1 or 'full', got `0` (number)"],
  [{ batchSize: -1 }, "`batchSize`: expected an integer >= 1 or 'full', got `-1` (number)"],
  [{ batchSize: 2.5 }, "`batchSize`: expected an integer >= 1 or 'full', got `2.5` (number)"],
  [
    { batchSize: 'ful' },
    '`batchSize`: expected an integer >= 1 or \'full\', got `"ful"` (string); did you mean `full`?',
  ],
  [{ batchSize: true }, "`batchSize`: expected an integer >= 1 or 'full', got `true` (boolean)"],
  [{ bacthSize: 32 }, '`bacthSize`: unknown field; did you mean `batchSize`?'],
  [{ batch_size: 32 }, '`batch_size`: unknown field; did you mean `batchSize`?'],
  [{ accumulationSteps: 0 }, '`accumulationSteps`: expected an integer >= 1, got `0` (number)'],
  [
    { accumulationSteps: 64, batchSize: 32 },
    '`accumulationSteps`: expected at most `batchSize` (32), got 64; a part holds at least one sample',
  ],
  [{ augment: true }, '`augment`: expected an object such as `{ horizontalFlip: true }`, got `true` (boolean)'],
  [{ augment: { horizontalFilp: true } }, '`augment.horizontalFilp`: unknown field; did you mean `horizontalFlip`?'],
  [
    { augment: { horizontalFlip: 2 } },
    '`augment.horizontalFlip`: expected `true`, `false` or a number in [0, 1], got `2` (number)',
  ],
  [{ augment: { randomCrop: 0 } }, '`augment.randomCrop`: expected an integer >= 1, got `0` (number)'],
  [{ augment: { mixup: 0 } }, '`augment.mixup`: expected a number > 0, got `0` (number)'],
  [{ augment: { gaussianNoise: -1 } }, '`augment.gaussianNoise`: expected a number > 0, got `-1` (number)'],
  [
    { augment: { horizontalFlip: true } },
    '`augment.horizontalFlip`: expected rows that are images, got rows without a shape; set `model.inputShape` to [height, width, channels]',
  ],
  [
    { augment: { randomCrop: 2 }, model: { inputShape: [12, 4], layers: [{ type: 'flatten' }] } },
    '`augment.randomCrop`: expected rows that are images, got [12, 4]; set `model.inputShape` to [height, width, channels]',
  ],
  [
    { augment: { randomCrop: 8 }, model: { inputShape: [12, 8, 1], layers: [{ type: 'flatten' }] } },
    '`augment.randomCrop`: expected less than the 8 pixels of an edge of the image, got 8',
  ],
  [
    { augment: { mixup: 0.2 }, loss: 'sparseCategoricalCrossentropy' },
    '`augment.mixup`: expected a loss that takes a number per output, to mix targets, got ' +
      "`sparseCategoricalCrossentropy`, which takes class labels; set `loss: 'categoricalCrossentropy'` and " +
      '`data.oneHot: true` (in the library: `toCategorical(data)`)',
  ],
  [
    {
      augment: { gaussianNoise: 1 },
      model: { layers: [{ type: 'embedding', inputDim: 3, outputDim: 2 }] },
    },
    '`augment.gaussianNoise`: expected rows of numbers, got tokens for an embedding, between which there is nothing',
  ],
  [
    { data: { source: 'photos', images: { size: 0 } } },
    '`data.images.size`: expected an integer from 1 to 8192, or [height, width], got `0` (number)',
  ],
  [
    { data: { source: 'photos', images: { colorMode: 'gray' } } },
    "`data.images.colorMode`: expected one of 'rgb', 'grayscale', got `\"gray\"` (string)",
  ],
  [{ shards: 0 }, '`shards`: expected an integer from 1 to 64, got `0` (number)'],
  [{ shards: 65 }, '`shards`: expected an integer from 1 to 64, got `65` (number)'],
  [{ reduce: 'ring' }, "`reduce`: expected one of 'tree', 'mpi-sum', got `\"ring\"` (string)"],
  [{ maxSteps: 0 }, '`maxSteps`: expected an integer >= 1, got `0` (number)'],
  [{ maxSteps: 'all' }, '`maxSteps`: expected an integer >= 1, got `"all"` (string)'],
  [{ shuffle: 1 }, '`shuffle`: expected `true` or `false`, got `1` (number)'],
  [{ shuffle: 'yes' }, '`shuffle`: expected `true` or `false`, got `"yes"` (string)'],
  [{ workers: 0 }, "`workers`: expected 'auto' or an integer from 1 to 256, got `0` (number)"],
  [{ workers: 257 }, "`workers`: expected 'auto' or an integer from 1 to 256, got `257` (number)"],
  [{ workers: 'all' }, '`workers`: expected \'auto\' or an integer from 1 to 256, got `"all"` (string)'],
  [{ workers: 1.5 }, "`workers`: expected 'auto' or an integer from 1 to 256, got `1.5` (number)"],
  [
    { kernels: 'gpu' },
    "`kernels`: expected one of 'auto', 'reference', 'wasm-strict', 'wasm', 'native', 'blas', got `\"gpu\"` (string)",
  ],
  [
    { kernels: 'wsam' },
    "`kernels`: expected one of 'auto', 'reference', 'wasm-strict', 'wasm', 'native', 'blas', got `\"wsam\"` (string)",
  ],
  [{ blas: '' }, '`blas`: expected a non-empty string, got `""` (string)'],
  [{ blas: 3 }, '`blas`: expected a non-empty string, got `3` (number)'],
  [{ model: undefined }, '`model`: missing; expected an object with `layers`'],
  [{ model: null }, '`model`: expected an object with `layers`, got `null`'],
  [{ model: [] }, '`model`: expected an object with `layers`, got an array of 0'],
  [{ model: 'resnet' }, '`model`: expected an object with `layers`, got `"resnet"` (string)'],
  [{ model: {} }, '`model.layers`: missing; expected an array of layers'],
  [{ model: { layers: {} } }, '`model.layers`: expected an array of layers, got an object with keys (none)'],
  [{ model: { layers: [] } }, '`model.layers`: expected at least one layer, got an array of 0'],
  [
    { model: { layer: [{ type: 'dense', units: 3 }] } },
    '`model.layers`: missing; expected an array of layers\n`model.layer`: unknown field; did you mean `layers`?',
  ],
  [{ model: { layers: [3] } }, '`model.layers[0]`: expected an object, got `3` (number)'],
  [{ model: { layers: [null] } }, '`model.layers[0]`: expected an object, got `null`'],
  [{ model: { layers: [{}] } }, "`model.layers[0].type`: missing; expected one of 'dense', …"],
  [{ model: { layers: [{ units: 3 }] } }, "`model.layers[0].type`: missing; expected one of 'dense', …"],
  [
    { model: { layers: [{ type: 'Dense', units: 3 }] } },
    '`model.layers[0].type`: expected one of \'dense\', …, got `"Dense"` (string); did you mean `dense`?',
  ],
  [
    { model: { layers: [{ type: 'transformer', units: 3 }] } },
    '`model.layers[0].type`: expected one of \'dense\', …, got `"transformer"` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense' }] } },
    '`model.layers[0].units`: missing; expected an integer from 1 to 16777216',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 0 }] } },
    '`model.layers[0].units`: expected an integer from 1 to 16777216, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: '10' }] } },
    '`model.layers[0].units`: expected an integer from 1 to 16777216, got `"10"` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 2 ** 25 }] } },
    '`model.layers[0].units`: expected an integer from 1 to 16777216, got `33554432` (number)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, activation: 'softmax' }] } },
    '`model.layers[0].activation`: expected one of \'linear\', …, or an object, got `"softmax"` (string); the loss takes logits, so leave it out; predict gives probabilities',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, activation: 'rleu' }] } },
    '`model.layers[0].activation`: expected one of \'linear\', …, or an object, got `"rleu"` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, activation: 'prelu' }] } },
    "`model.layers[0].activation`: expected one of 'linear', …, or an object, got `\"prelu\"` (string); prelu has weights of its own: use a layer `{ type: 'prelu' }`",
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, activation: { type: 'elu', alpha: 0 } }] } },
    '`model.layers[0].activation.alpha`: expected a number > 0, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, activation: { type: 'relu', alpha: 1 } }] } },
    '`model.layers[0].activation.alpha`: unknown field; known here: type',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, useBias: 'no' }] } },
    '`model.layers[0].useBias`: expected `true` or `false`, got `"no"` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelInitializer: 'he' }] } },
    "`model.layers[0].kernelInitializer`: expected 'auto', or one of 'zeros', …, or an object, got `\"he\"` (string)",
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelInitializer: { type: 'normal', std: -1 } }] } },
    '`model.layers[0].kernelInitializer.std`: expected a number > 0, got `-1` (number)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelInitializer: { type: 'constant' } }] } },
    '`model.layers[0].kernelInitializer.value`: missing; expected a number',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, biasInitializer: 'zero' }] } },
    '`model.layers[0].biasInitializer`: expected one of \'zeros\', …, or an object, got `"zero"` (string); did you mean `zeros`?',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelRegularizer: 'l3' }] } },
    "`model.layers[0].kernelRegularizer`: expected 'l1', 'l2', 'l1l2', or { l1, l2 } with numbers >= 0, got `\"l3\"` (string); did you mean `l1`?",
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelRegularizer: { l2: -1 } }] } },
    '`model.layers[0].kernelRegularizer.l2`: expected a number >= 0, got `-1` (number)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, kernelConstraint: 'unitNorm' }] } },
    "`model.layers[0].kernelConstraint`: expected 'maxNorm', or { type: 'maxNorm', maxValue }, got `\"unitNorm\"` (string)",
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, trainable: 'false' }] } },
    '`model.layers[0].trainable`: expected `true` or `false`, got `"false"` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, name: '' }] } },
    '`model.layers[0].name`: expected a non-empty string, got `""` (string)',
  ],
  [
    { model: { layers: [{ type: 'dense', units: 3, inputs: [] }] } },
    '`model.layers[0].inputs`: expected at least one name, got an array of 0',
  ],
  [
    { model: { layers: [{ type: 'activation' }] } },
    "`model.layers[0].activation`: missing; expected one of 'linear', …, or an object",
  ],
  [{ model: { layers: [{ type: 'dropout' }] } }, '`model.layers[0].rate`: missing; expected a number in [0, 1)'],
  [
    { model: { layers: [{ type: 'dropout', rate: 1 }] } },
    '`model.layers[0].rate`: expected a number in [0, 1), got `1` (number)',
  ],
  [
    { model: { layers: [{ type: 'dropout', rate: -0.1 }] } },
    '`model.layers[0].rate`: expected a number in [0, 1), got `-0.1` (number)',
  ],
  [
    { model: { layers: [{ type: 'dropout', rate: '10%' }] } },
    '`model.layers[0].rate`: expected a number in [0, 1), got `"10%"` (string)',
  ],
  [
    { model: { layers: [{ type: 'spatialDropout1d', rate: 1.5 }] } },
    '`model.layers[0].rate`: expected a number in [0, 1), got `1.5` (number)',
  ],
  [
    { model: { layers: [{ type: 'conv2d', kernelSize: 3 }] } },
    '`model.layers[0].filters`: missing; expected an integer from 1 to 16777216',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3 }] } },
    '`model.layers[0].kernelSize`: missing; expected an integer >= 1, or [height, width]',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 0 }] } },
    '`model.layers[0].kernelSize`: expected an integer >= 1, or [height, width], got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: [3] }] } },
    '`model.layers[0].kernelSize`: expected an integer >= 1, or [height, width], got an array of 1',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: [3, 3, 3] }] } },
    '`model.layers[0].kernelSize`: expected an integer >= 1, or [height, width], got an array of 3',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 3, padding: 'full' }] } },
    "`model.layers[0].padding`: expected 'valid', 'same', an integer >= 0, [height, width], or [[top, bottom], [left, right]], got `\"full\"` (string)",
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 3, padding: -1 }] } },
    "`model.layers[0].padding`: expected 'valid', 'same', an integer >= 0, [height, width], or [[top, bottom], [left, right]], got `-1` (number)",
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 3, strides: 0 }] } },
    '`model.layers[0].strides`: expected an integer >= 1, or [height, width], got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 3, dilationRate: 1.5 }] } },
    '`model.layers[0].dilationRate`: expected an integer >= 1, or [height, width], got `1.5` (number)',
  ],
  [
    { model: { layers: [{ type: 'conv2d', filters: 3, kernelSize: 3, groups: 0 }] } },
    '`model.layers[0].groups`: expected an integer from 1 to 16777216, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'conv1d', filters: 3, kernelSize: 3, kernel: 3 }] } },
    '`model.layers[0].kernel`: unknown field; known here: type, …',
  ],
  [
    { model: { layers: [{ type: 'maxPooling2d', poolSize: 0 }] } },
    '`model.layers[0].poolSize`: expected an integer >= 1, or [height, width], got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'reshape' }] } },
    '`model.layers[0].targetShape`: missing; expected an array of 1 to 8 integers >= 1',
  ],
  [
    { model: { layers: [{ type: 'reshape', targetShape: [] }] } },
    '`model.layers[0].targetShape`: expected an array of 1 to 8 integers >= 1, got an array of 0',
  ],
  [
    { model: { layers: [{ type: 'reshape', targetShape: [0] }] } },
    '`model.layers[0].targetShape[0]`: expected an integer >= 1, or -1, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'reshape', targetShape: [-2] }] } },
    '`model.layers[0].targetShape[0]`: expected an integer >= 1, or -1, got `-2` (number)',
  ],
  [
    { model: { layers: [{ type: 'batchNorm', momentum: 1 }] } },
    '`model.layers[0].momentum`: expected a number in [0, 1), got `1` (number)',
  ],
  [
    { model: { layers: [{ type: 'batchNorm', epsilon: 0 }] } },
    '`model.layers[0].epsilon`: expected a number > 0, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'layerNorm', scale: 2 }] } },
    '`model.layers[0].scale`: expected `true` or `false`, got `2` (number)',
  ],
  [
    { model: { layers: [{ type: 'groupNorm', groups: 0 }] } },
    '`model.layers[0].groups`: expected an integer >= 1, or -1, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'embedding', inputDim: 10 }] } },
    '`model.layers[0].outputDim`: missing; expected an integer from 1 to 16777216',
  ],
  [
    { model: { layers: [{ type: 'embedding', inputDim: 0, outputDim: 4 }] } },
    '`model.layers[0].inputDim`: expected an integer from 1 to 16777216, got `0` (number)',
  ],
  [
    { model: { layers: [{ type: 'attention' }] } },
    '`model.layers[0].numHeads`: missing; expected an integer from 1 to 4096',
  ],
  [
    { model: { layers: [{ type: 'attention', numHeads: 0 }] } },
    '`model.layers[0].numHeads`: expected an integer from 1 to 4096, got `0` (number)',
  ],
  [{ model: { layers: [{ type: 'residual' }] } }, '`model.layers[0].layers`: missing; expected an array of layers'],
  [
    { model: { layers: [{ type: 'residual', layers: [] }] } },
    '`model.layers[0].layers`: expected at least one layer, got an array of 0',
  ],
  [
    { model: { layers: [{ type: 'residual', layers: [{ type: 'dense' }] }] } },
    '`model.layers[0].layers[0].units`: missing; expected an integer from 1 to 16777216',
  ],
  [
    { model: { layers: [{ type: 'residual', layers: [{ type: 'dense', units: 3 }], shortcut: 'conv' }] } },
    "`model.layers[0].shortcut`: expected one of 'auto', 'identity', 'projection', got `\"conv\"` (string)",
  ],
  [
    { model: { layers: [{ type: 'concatenate', axis: 0.5 }] } },
    '`model.layers[0].axis`: expected an integer, got `0.5` (number)',
  ],
  [{ model: { layers: [{ type: 'shared' }] } }, '`model.layers[0].layer`: missing; expected a non-empty string'],
  [
    { model: { inputShape: [], layers: [{ type: 'flatten' }] } },
    '`model.inputShape`: expected an array of 1 to 8 integers >= 1, got an array of 0',
  ],
  [
    { model: { inputShape: [28, -1], layers: [{ type: 'flatten' }] } },
    '`model.inputShape[1]`: expected an integer >= 1, got `-1` (number)',
  ],
  [
    { model: { inputShape: 784, layers: [{ type: 'flatten' }] } },
    '`model.inputShape`: expected an array of 1 to 8 integers >= 1, got `784` (number)',
  ],
  [
    { model: { inputScale: { mean: [0] }, layers: [{ type: 'flatten' }] } },
    '`model.inputScale.deviation`: missing; expected an array of numbers > 0',
  ],
  [
    { model: { inputScale: { mean: [0], deviation: [0] }, layers: [{ type: 'flatten' }] } },
    '`model.inputScale.deviation[0]`: expected a number > 0, got `0` (number)',
  ],
  [
    { loss: 'mse' },
    "`loss`: expected 'auto', or one of 'maskedCrossentropy', …, or an object, got `\"mse\"` (string); use `meanSquaredError`",
  ],
  [
    { loss: 'crossentropy' },
    "`loss`: expected 'auto', or one of 'maskedCrossentropy', …, or an object, got `\"crossentropy\"` (string); use `sparseCategoricalCrossentropy` for class labels",
  ],
  [
    { loss: 'hubre' },
    "`loss`: expected 'auto', or one of 'maskedCrossentropy', …, or an object, got `\"hubre\"` (string)",
  ],
  [{ loss: { type: 'huber', delta: 0 } }, '`loss.delta`: expected a number > 0, got `0` (number)'],
  [
    { loss: { type: 'binaryCrossentropy', labelSmoothing: 1 } },
    '`loss.labelSmoothing`: expected a number in [0, 1), got `1` (number)',
  ],
  [{ loss: { type: 'binaryFocalCrossentropy', gamma: -1 } }, '`loss.gamma`: expected a number >= 0, got `-1` (number)'],
  [{ loss: { type: 'meanSquaredError', delta: 1 } }, '`loss.delta`: unknown field; known here: type'],
  [{ loss: ['huber'] }, "`loss`: expected 'auto', or one of 'maskedCrossentropy', …, or an object, got an array of 1"],
  [{ loss: 3 }, "`loss`: expected 'auto', or one of 'maskedCrossentropy', …, or an object, got `3` (number)"],
  [{ metrics: 'accuracy' }, '`metrics`: expected an array of metrics, got `"accuracy"` (string)'],
  [
    { metrics: ['acuracy'] },
    '`metrics[0]`: expected one of \'accuracy\', …, or an object, got `"acuracy"` (string); did you mean `accuracy`?',
  ],
  [{ metrics: [{ type: 'topK', k: 0 }] }, '`metrics[0].k`: expected an integer >= 1, got `0` (number)'],
  [
    { metrics: [{ type: 'f1', average: 'mean' }] },
    "`metrics[0].average`: expected one of 'macro', 'weighted', 'micro', got `\"mean\"` (string)",
  ],
  [
    { metrics: ['f1Score'] },
    '`metrics[0]`: expected one of \'accuracy\', …, or an object, got `"f1Score"` (string); use `f1`',
  ],
  [{ metrics: [null] }, "`metrics[0]`: expected one of 'accuracy', …, or an object, got `null`"],
  [{ classWeight: [1, 2] }, '`classWeight`: expected an object, got an array of 2'],
  [{ classWeight: { cat: -1 } }, '`classWeight.cat`: expected a number >= 0, got `-1` (number)'],
  [{ classWeight: { cat: 'heavy' } }, '`classWeight.cat`: expected a number >= 0, got `"heavy"` (string)'],
  [
    { optimizer: 'adm' },
    "`optimizer`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or an object, got `\"adm\"` (string); did you mean `adam`?",
  ],
  [
    { optimizer: 'momentum' },
    "`optimizer`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or an object, got `\"momentum\"` (string); use `{ type: 'sgd', momentum: 0.9 }`",
  ],
  [
    { optimizer: null },
    "`optimizer`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or an object, got `null`",
  ],
  [
    { optimizer: { type: 'lion' } },
    "`optimizer.type`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', got `\"lion\"` (string)",
  ],
  [
    { optimizer: { type: 'sgd', beta1: 0.9 } },
    '`optimizer.beta1`: unknown field; known here: type, learningRate, momentum, nesterov, weightDecay',
  ],
  [{ optimizer: { type: 'sgd', momentum: 1 } }, '`optimizer.momentum`: expected a number in [0, 1), got `1` (number)'],
  [{ optimizer: { type: 'sgd', nesterov: 1 } }, '`optimizer.nesterov`: expected `true` or `false`, got `1` (number)'],
  [{ optimizer: { learningrate: 0.1 } }, '`optimizer.learningrate`: unknown field; did you mean `learningRate`?'],
  [{ optimizer: { learningRate: 0 } }, '`optimizer.learningRate`: expected a number > 0, got `0` (number)'],
  [{ optimizer: { learningRate: -0.1 } }, '`optimizer.learningRate`: expected a number > 0, got `-0.1` (number)'],
  [{ optimizer: { learningRate: '1e-3' } }, '`optimizer.learningRate`: expected a number > 0, got `"1e-3"` (string)'],
  [{ optimizer: { beta1: 1 } }, '`optimizer.beta1`: expected a number in [0, 1), got `1` (number)'],
  [{ optimizer: { beta2: -0.1 } }, '`optimizer.beta2`: expected a number in [0, 1), got `-0.1` (number)'],
  [{ optimizer: { epsilon: 0 } }, '`optimizer.epsilon`: expected a number >= 1e-30, got `0` (number)'],
  [{ optimizer: { epsilon: 1e-50 } }, '`optimizer.epsilon`: expected a number >= 1e-30, got `1e-50` (number)'],
  [
    { optimizer: { type: 'adamw', weightDecay: -1 } },
    '`optimizer.weightDecay`: expected a number >= 0, got `-1` (number)',
  ],
  [{ optimizer: { type: 'rmsprop', rho: 1 } }, '`optimizer.rho`: expected a number in [0, 1), got `1` (number)'],
  [{ learningRate: 0 }, '`learningRate`: expected a number > 0, got `0` (number)'],
  [{ learningRate: Infinity }, '`learningRate`: expected a number > 0, got `Infinity` (number)'],
  [{ lr: 0.1 }, '`lr`: unknown field; did you mean `learningRate`?'],
  [{ schedule: 'step' }, '`schedule`: expected a schedule with `stepSize` or `stepEpochs`, got `"step"` (string)'],
  [
    { schedule: 'cosinus' },
    '`schedule`: expected one of \'constant\', …, or an object, got `"cosinus"` (string); did you mean `cosine`?',
  ],
  [
    { schedule: { type: 'cosine', warmupSteps: -1 } },
    '`schedule.warmupSteps`: expected an integer >= 0, got `-1` (number)',
  ],
  [
    { schedule: { warmupSteps: 3, warmupEpochs: 1 } },
    '`schedule`: expected either `warmupSteps` or `warmupEpochs`, not both, got an object with keys warmupSteps, warmupEpochs',
  ],
  [{ schedule: { type: 'exponential' } }, '`schedule.gamma`: missing; expected a number > 0'],
  [{ schedule: { type: 'step', stepSize: 0 } }, '`schedule.stepSize`: expected an integer >= 1, got `0` (number)'],
  [{ schedule: { type: 'polynomial', power: 0 } }, '`schedule.power`: expected a number > 0, got `0` (number)'],
  [{ reduceOnPlateau: { factor: 1 } }, '`reduceOnPlateau.factor`: expected a number in (0, 1), got `1` (number)'],
  [{ reduceOnPlateau: { patience: -1 } }, '`reduceOnPlateau.patience`: expected an integer >= 0, got `-1` (number)'],
  [{ clip: 0 }, "`clip`: expected a number > 0, or one of 'off', 'auto', or an object, got `0` (number)"],
  [{ clip: -1 }, "`clip`: expected a number > 0, or one of 'off', 'auto', or an object, got `-1` (number)"],
  [{ clip: 'none' }, "`clip`: expected a number > 0, or one of 'off', 'auto', or an object, got `\"none\"` (string)"],
  [{ clip: { normType: 0.5 } }, "`clip.normType`: expected a number >= 1 or 'inf', got `0.5` (number)"],
  [{ clip: { normType: 'max' } }, '`clip.normType`: expected a number >= 1 or \'inf\', got `"max"` (string)'],
  [{ clip: { maxNorm: 0 } }, '`clip.maxNorm`: expected a number > 0, got `0` (number)'],
  [{ clip: { mode: 'value' } }, '`clip.value`: missing; expected a number > 0'],
  [{ clip: { mode: 'quantile', quantile: 1.5 } }, '`clip.quantile`: expected a number in (0, 1], got `1.5` (number)'],
  [{ clip: { mode: 'norm', maxNorm: 1 } }, '`clip.mode`: expected one of \'globalNorm\', …, got `"norm"` (string)'],
  [{ clip: { mode: 'adaptive', lambda: 0 } }, '`clip.lambda`: expected a number > 0, got `0` (number)'],
  [
    { health: 'repiar' },
    "`health`: expected one of 'off', 'observe', 'warn', 'repair', or an object, got `\"repiar\"` (string); did you mean `repair`?",
  ],
  [
    { health: true },
    "`health`: expected one of 'off', 'observe', 'warn', 'repair', or an object, got `true` (boolean)",
  ],
  [
    { health: { mode: 'fix' } },
    "`health.mode`: expected one of 'off', 'observe', 'warn', 'repair', got `\"fix\"` (string)",
  ],
  [{ health: { maxConsecutiveSkips: 0 } }, '`health.maxConsecutiveSkips`: expected an integer >= 1, got `0` (number)'],
  [{ health: { spikeSkip: 'off' } }, '`health.spikeSkip`: expected `true` or `false`, got `"off"` (string)'],
  [{ health: { check: 'no' } }, "`health.check`: expected one of 'stop', 'warn', 'off', got `\"no\"` (string)"],
  [{ earlyStopping: true }, '`earlyStopping`: expected an object; `{}` has the defaults, got `true` (boolean)'],
  [{ earlyStopping: { patience: -1 } }, '`earlyStopping.patience`: expected an integer >= 0, got `-1` (number)'],
  [
    { earlyStopping: { mode: 'low' } },
    "`earlyStopping.mode`: expected one of 'auto', 'min', 'max', got `\"low\"` (string)",
  ],
  [{ earlyStopping: { monitor: '' } }, '`earlyStopping.monitor`: expected a non-empty string, got `""` (string)'],
  [{ earlyStopping: { minDelta: -1 } }, '`earlyStopping.minDelta`: expected a number >= 0, got `-1` (number)'],
  [{ data: '' }, '`data`: expected a non-empty string, or an object, got `""` (string)'],
  [{ data: 3 }, '`data`: expected a non-empty string, or an object, got `3` (number)'],
  [{ data: {} }, '`data.source`: missing; expected a non-empty string'],
  [{ data: { source: 'a.csv', testSplit: 1 } }, '`data.testSplit`: expected a number in [0, 1), got `1` (number)'],
  [
    { data: { source: 'a.csv', validationSplit: -0.1 } },
    '`data.validationSplit`: expected a number in [0, 1), got `-0.1` (number)',
  ],
  [{ data: { source: 'a.csv', format: 'xlsx' } }, '`data.format`: expected one of \'auto\', …, got `"xlsx"` (string)'],
  [
    { data: { source: 'a.csv', header: 'maybe' } },
    '`data.header`: expected \'auto\', `true` or `false`, got `"maybe"` (string)',
  ],
  [
    { data: { source: 'a.csv', target: 1.5 } },
    '`data.target`: expected a column name or index, or an array of them, got `1.5` (number)',
  ],
  [
    { data: { source: 'a.csv', features: 'a' } },
    '`data.features`: expected an array of column names or indices, got `"a"` (string)',
  ],
  [
    { data: { source: 'a.csv', fillMissing: 'median' } },
    "`data.fillMissing`: expected 'error', 'mean' or a number, got `\"median\"` (string); did you mean `mean`?",
  ],
  [
    { data: { source: 'a.csv', scale: 'minmax' } },
    "`data.scale`: expected 'standardize', 'none' or a number, got `\"minmax\"` (string)",
  ],
  [{ data: { source: 'a.csv', limit: 0 } }, '`data.limit`: expected an integer >= 1, got `0` (number)'],
  [
    { data: { source: 'a.csv', task: 'ranking' } },
    "`data.task`: expected one of 'auto', 'classification', 'regression', got `\"ranking\"` (string)",
  ],
  [
    { data: { source: 'a.csv', text: { tokens: 'word' } } },
    "`data.text.tokens`: expected one of 'words', 'chars', 'bytes', got `\"word\"` (string); did you mean `words`?",
  ],
  [{ data: { source: 'a.csv', label: 'y' } }, '`data.label`: unknown field; did you mean `labels`?'],
  [{ out: '' }, '`out`: expected a non-empty string, got `""` (string)'],
  [{ checkpoint: { every: 0 } }, '`checkpoint.every`: expected an integer >= 1, got `0` (number)'],
  [{ checkpoint: { keep: 0 } }, '`checkpoint.keep`: expected an integer >= 1, got `0` (number)'],
  [{ checkpoint: { monitor: 3 } }, '`checkpoint.monitor`: expected a non-empty string, got `3` (number)'],
  [{ recovery: { restarts: -1 } }, '`recovery.restarts`: expected an integer >= 0, got `-1` (number)'],
  [{ recovery: { stallSeconds: 0 } }, '`recovery.stallSeconds`: expected a number > 0, got `0` (number)'],
  [{ gradient: 'sparse' }, '`gradient`: expected one of \'auto\', …, got `"sparse"` (string)'],
  [JSON.parse('{ "__proto__": { "seed": 1 } }'), '`__proto__`: unknown field; known here: $schema, …'],
  [JSON.parse('{ "constructor": { "prototype": {} } }'), '`constructor`: unknown field; known here: $schema, …'],
  [{ [Symbol.iterator]: 3, toString: 'x' }, '`toString`: unknown field; known here: $schema, …'],
]
