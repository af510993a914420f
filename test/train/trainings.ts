/** Trainings whose weights must have the same bits, whoever works on them. */
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { toCategorical } from '../../src/data/one-hot.ts'
import { blobs } from './data.ts'

/** 203 rows: batches of 64, 64, 64 and 11. */
export const data = blobs(203, 21, 5)
export const validation = blobs(50, 21, 5, 2)
const weights = Float32Array.from({ length: data.rows }, (_, i) => (i % 7) / 3)

/** Three labels a row, a third of them masked. */
const positions: Dataset = {
  ...blobs(203, 20, 5),
  targets: 3,
  y: Float32Array.from({ length: 203 * 3 }, (_, i) => (i % 3 === (i >> 2) % 3 ? -1 : (i * 7) % 5)),
}

export const base: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 64,
  optimizer: { type: 'adam', learningRate: 0.01 },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'residual', layers: [{ type: 'dense', units: 37, activation: 'tanh' }] },
      { type: 'prelu' },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Layers so large that they are phases of their own, and gradients of several tiles. */
export const wide: Partial<Config> = {
  batchSize: 160,
  model: {
    layers: [
      { type: 'dense', units: 300, activation: 'relu' },
      { type: 'dense', units: 290, activation: 'gelu' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 280 },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Rows as images: convolutions in lanes and, by their size, in tiles; pooling; a residual block with strides. */
const images: Partial<Config> = {
  epochs: 1,
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 12, kernelSize: 3, padding: 'same', strides: 2 }] },
      { type: 'conv2d', filters: 12, kernelSize: 3, groups: 12, activation: 'tanh' },
      { type: 'maxPooling2d', poolSize: 2, strides: 1 },
      { type: 'flatten' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Barriers inside the rows part, in a residual block too; a layer after them in phases of its own. */
const normalised: Partial<Config> = {
  epochs: 2,
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 8, kernelSize: 3, useBias: false },
      { type: 'batchNorm' },
      { type: 'activation', activation: 'relu' },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 8, kernelSize: 1 }, { type: 'batchNorm' }] },
      { type: 'groupNorm', groups: 4 },
      { type: 'resnetBlock', filters: 4, strides: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 320 },
      { type: 'batchNorm' },
      { type: 'activation', activation: 'tanh' },
      { type: 'layerNorm', trainable: false },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Tokens: 7 a row. */
const tokens: Dataset = {
  ...blobs(90, 7, 5),
  x: Float32Array.from({ length: 90 * 7 }, (_, i) => (i * 31 + (i % 11) * (i % 5)) % 13),
}
const sequences: Partial<Config> = {
  epochs: 2,
  model: {
    layers: [
      { type: 'embedding', inputDim: 13, outputDim: 8 },
      { type: 'residual', layers: [{ type: 'layerNorm' }, { type: 'attention', numHeads: 2, causal: true }] },
      { type: 'positionEmbedding' },
      { type: 'residual', layers: [{ type: 'rmsNorm' }, { type: 'dense', units: 8, activation: 'gelu' }] },
      { type: 'transformerBlock', numHeads: 2, rate: 0.1 },
      { type: 'globalAveragePooling1d' },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Penalties in lanes and tiles, bounded norms, whole channels dropped. */
const bounded: Partial<Config> = {
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3, strides: 2, kernelRegularizer: 'l1l2', kernelConstraint: 'maxNorm' },
      { type: 'upSampling2d' },
      { type: 'spatialDropout2d', rate: 0.3 },
      { type: 'flatten' },
      { type: 'dense', units: 300, kernelRegularizer: 'l2', kernelConstraint: { type: 'maxNorm', maxValue: 0.8 } },
      { type: 'dense', units: 5, biasRegularizer: 'l1' },
    ],
  },
}

/** Rows that are made anew in each epoch. */
const augmented: Partial<Config> = {
  loss: 'categoricalCrossentropy',
  augment: { horizontalFlip: true, randomCrop: 2, mixup: 0.4, gaussianNoise: 0.2 },
}

/** Branches, several inputs, a layer in two places, element-wise layers apart from the product they belong to. */
const graph: Partial<Config> = {
  epochs: 2,
  batchSize: 160,
  model: {
    inputs: [
      { name: 'left', shape: [60] },
      { name: 'right', shape: [60] },
      { name: 'rest', shape: [10] },
    ],
    layers: [
      { type: 'dense', units: 280, inputs: ['left'], name: 'tower' },
      { type: 'shared', layer: 'tower', inputs: ['right'], name: 'other' },
      { type: 'activation', activation: 'relu', inputs: ['tower'], name: 'one' },
      { type: 'activation', activation: 'tanh', inputs: ['other'], name: 'two' },
      { type: 'add', inputs: ['one', 'two'], name: 'sum' },
      { type: 'dense', units: 280, activation: 'gelu', inputs: ['two'], name: 'wide' },
      { type: 'activation', activation: 'sigmoid', inputs: ['sum'], name: 'gate' },
      { type: 'concatenate', inputs: ['gate', 'wide', 'sum', 'rest'] },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 5 },
    ],
  },
}

const recurrent: Partial<Config> = {
  epochs: 2,
  model: {
    layers: [
      { type: 'embedding', inputDim: 13, outputDim: 8 },
      { type: 'lstm', units: 19, returnSequences: true },
      { type: 'bidirectional', layer: { type: 'lstm', units: 7, returnSequences: true } },
      { type: 'custom', module: new URL('../model/own/swish.ts', import.meta.url).href },
      { type: 'dropout', rate: 0.1 },
      { type: 'gru', units: 17 },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Pooling of every kind, over images and over series. */
const pooled: Partial<Config> = {
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3, padding: 'same', activation: 'relu' },
      { type: 'averagePooling2d', name: 'image' },
      { type: 'globalMaxPooling2d', inputs: ['image'], name: 'largest' },
      { type: 'globalAveragePooling2d', inputs: ['image'], name: 'mean' },
      { type: 'reshape', targetShape: [16, 6], inputs: ['image'] },
      { type: 'conv1d', filters: 8, kernelSize: 3, padding: 'causal' },
      { type: 'maxPooling1d' },
      { type: 'upSampling1d', size: 3 },
      { type: 'spatialDropout1d', rate: 0.2 },
      { type: 'averagePooling1d', poolSize: 3 },
      { type: 'globalMaxPooling1d', name: 'series' },
      { type: 'concatenate', inputs: ['largest', 'mean', 'series'] },
      { type: 'dense', units: 5 },
    ],
  },
}

export const trainings: Record<string, { config?: Partial<Config>; data?: Dataset }> = {
  'uneven batches, dropout, residual, prelu, clipping by norm': {},
  'clipping by value and SGD with momentum': {
    config: {
      clip: { mode: 'value', value: 0.01 },
      optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
    },
  },
  'sample weights and accumulation in uneven parts': {
    config: { accumulationSteps: 3 },
    data: { ...data, sampleWeight: weights },
  },
  'layers in phases of their own': { config: wide, data: blobs(200, 130, 5) },
  'convolution and pooling': { config: images, data: blobs(100, 128, 5) },
  'convolution by tiles': { config: { ...images, gradient: 'tiles' }, data: blobs(100, 128, 5) },
  'normalisation over the batch and within rows': { config: normalised, data: blobs(100, 128, 5) },
  'normalisation over uneven parts of the batch': {
    config: { ...normalised, epochs: 1, accumulationSteps: 3 },
    data: blobs(100, 128, 5),
  },
  'normalisation over the batch in shards': {
    config: { ...normalised, shards: 3 },
    data: blobs(100, 128, 5),
  },
  'normalisation over uneven parts of shards': {
    config: { ...normalised, epochs: 1, shards: 4, accumulationSteps: 3 },
    data: blobs(100, 128, 5),
  },
  'pooling, of images and of series': { config: pooled, data: blobs(100, 128, 5) },
  'penalties, bounds and upsampling': { config: { ...bounded, shards: 2 }, data: blobs(100, 128, 5) },
  'images flipped, cropped, mixed and noised': {
    config: { ...images, ...augmented, epochs: 2, accumulationSteps: 2 },
    data: toCategorical(blobs(100, 128, 5)),
  },
  'rows mixed and noised, gathered ahead, in shards': {
    config: {
      ...wide,
      epochs: 1,
      loss: 'categoricalCrossentropy',
      augment: { mixup: 2, gaussianNoise: 0.1 },
      shards: 3,
    },
    data: { ...toCategorical(blobs(200, 130, 5)), sampleWeight: Float32Array.from({ length: 200 }, (_, i) => i % 3) },
  },
  'recurrent layers, and one of the user': { config: recurrent, data: tokens },
  'a graph of branches and inputs': { config: graph, data: blobs(200, 130, 5) },
  'a graph in shards': { config: { ...graph, epochs: 1, shards: 3 }, data: blobs(200, 130, 5) },
  'embedding and attention': { config: sequences, data: tokens },
  'no part of a batch by itself': { config: { gradient: 'whole', accumulationSteps: 3 } },
  'every gradient by lanes': { config: { gradient: 'lanes' } },
  'positions with masked labels, and metrics of classes': {
    config: {
      loss: 'maskedCrossentropy',
      metrics: ['accuracy', 'f1', 'auc', 'perplexity'],
      model: {
        layers: [
          { type: 'dense', units: 37, activation: 'tanh' },
          { type: 'dense', units: 15 },
        ],
      },
    },
    data: positions,
  },
  'stochastic descent': { config: { batchSize: 1, epochs: 1, maxSteps: 60 } },
  'shards of uneven rows, in parts, of sample weights, clipped by value': {
    config: { shards: 5, accumulationSteps: 2, clip: { mode: 'value', value: 0.01 } },
    data: { ...data, sampleWeight: weights },
  },
  'shards of layers in phases of their own': { config: { ...wide, shards: 4 }, data: blobs(200, 130, 5) },
  'full batch, schedule, early stopping': {
    config: {
      batchSize: 'full',
      epochs: 6,
      schedule: 'cosine',
      earlyStopping: { patience: 1, restoreBestWeights: true },
      reduceOnPlateau: { patience: 0 },
    },
  },
}
