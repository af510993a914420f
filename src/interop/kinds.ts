/** What a model file is, by the end of its name. */

export const isSafetensors = (path: string): boolean => path.endsWith('.safetensors')

export const isOnnx = (path: string): boolean => path.endsWith('.onnx')

/** Of TensorFlow.js: model.json, with its weights beside it. */
export const isModelJson = (path: string): boolean => path.endsWith('.json')

/** Keras's own formats, which are refused with what to do instead. */
export const isKerasFile = (path: string): boolean => /\.(keras|h5|hdf5)$/i.test(path)

/** Whether a file of another tool says by itself what the network is. */
export const isNetwork = (path: string): boolean => isOnnx(path) || isModelJson(path) || isKerasFile(path)

export const isForeign = (path: string): boolean => isNetwork(path) || isSafetensors(path)
