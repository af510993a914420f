/** Networks of other tools as models of ours: ONNX graphs, and layers models of TensorFlow.js. */
import { readFile } from 'node:fs/promises'
import { parseConfig } from '../config/schema.ts'
import { UserError, whyUnread } from '../errors.ts'
import { readDocument, refuseKerasFile, shardsBeside } from '../interop/keras/file.ts'
import { importKeras } from '../interop/keras/import.ts'
import type { Shards } from '../interop/keras/manifest.ts'
import { isKerasFile, isModelJson, isOnnx } from '../interop/kinds.ts'
import { decodeModel } from '../interop/onnx/decode.ts'
import { importOnnx } from '../interop/onnx/import.ts'
import { refuseEndless } from '../interop/regular.ts'
import { buildModel, sizeOf } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import type { LossRule } from '../model/losses.ts'
import type { Checkpoint } from './checkpoint.ts'
import { bare, readModel } from './exchange.ts'

/** A graph of another tool (or ours) as a model: see interop/onnx/import.ts. @throws UserError naming the node without a layer */
export async function readOnnx(path: string): Promise<Checkpoint> {
  await refuseEndless(path)
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: expected an ONNX file, but ${whyUnread(cause, 'model.onnx')}.`, { cause })
  })
  return modelOfOnnx(bytes, path)
}

/** As `readOnnx`, from bytes; `path` is named in errors. */
export function modelOfOnnx(bytes: Uint8Array, path: string): Checkpoint {
  const { model: config, inputs, link, positions, weights } = importFrom(bytes, path)
  const model = buildModel(parseConfig({ model: config }, path).model, inputs)
  const values = model.parameters.map(({ name, shape }) => {
    const found = weights.get(name)
    if (found?.length === sizeOf(shape)) return found
    throw new UserError(`${path}: expected ${sizeOf(shape)} values for \`${name}\`, got ${found?.length ?? 'none'}.`)
  })
  return checkpointOf(model, link, positions, values, path)
}

/** With the loss whose link stands at its end: @param positions that have a softmax each */
function checkpointOf(
  model: Model,
  link: LossRule['link'],
  positions: number,
  values: readonly Float32Array[],
  path: string,
): Checkpoint {
  const loss = {
    softmax: positions > 1 ? 'maskedCrossentropy' : 'sparseCategoricalCrossentropy',
    sigmoid: 'binaryCrossentropy',
    identity: 'meanSquaredError',
  } as const
  const config = parseConfig({ model: model.config, loss: loss[link] }, path)
  return {
    ...{ config, inputs: model.inputs, targets: link === 'softmax' ? positions : model.outputs },
    ...{ transform: null, kernels: '' },
    ...bare(config, model, values),
  }
}

function importFrom(bytes: Uint8Array, path: string): ReturnType<typeof importOnnx> {
  let graph
  try {
    graph = decodeModel(bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UserError(`${path}: expected an ONNX model, but the file is damaged or of another kind: ${why}.`, {
      cause,
    })
  }
  try {
    return importOnnx(graph)
  } catch (error) {
    throw inFile(path, error)
  }
}

const inFile = (path: string, error: unknown): unknown =>
  error instanceof UserError ? new UserError(`${path}: ${error.message}.`, { cause: error }) : error

/** A model.json of TensorFlow.js and the weights beside it: see interop/keras/import.ts. @throws UserError naming the layer without one of ours */
export async function readKeras(path: string): Promise<Checkpoint> {
  return modelOfKeras(await readDocument(path), shardsBeside(path), path)
}

/** As `readKeras`, from what the file says; `path` is named in errors. */
export async function modelOfKeras(document: unknown, shards: Shards, path: string): Promise<Checkpoint> {
  const read = await located(path, () => importKeras(document, shards))
  const model = buildModel(parseConfig({ model: read.model }, path).model, read.inputs)
  const values = await located(path, () => read.weights(model))
  return checkpointOf(model, read.link, model.outputs / model.outputShape.at(-1)!, values, path)
}

async function located<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw inFile(path, error)
  }
}

/** Of whatever kind its name says. */
export async function readForeign(path: string): Promise<Checkpoint> {
  if (isKerasFile(path)) refuseKerasFile(path)
  if (isModelJson(path)) return readKeras(path)
  return isOnnx(path) ? readOnnx(path) : readModel(path)
}
