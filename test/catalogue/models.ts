/** Checkpoints, safetensors and ONNX files: the message when one is loaded and used. */
import {
  bytes,
  checkpoint,
  file,
  flipped,
  model,
  node,
  onnx,
  packr,
  patched,
  safetensors,
  safetensorsSaying,
  sealed,
} from './make.ts'
import type { InputFile } from './make.ts'

export const modelsCases: readonly (readonly [InputFile, message: string])[] = [
  [
    file('empty.ckpt', ''),
    'empty.ckpt: expected a Brigantine model or checkpoint, got an empty file. Name one that a training wrote, such as model.brig.',
  ],
  [
    file('text.ckpt', 'this is no checkpoint, however long it is, and this is long enough to be one'),
    'text.ckpt: expected a Brigantine model or checkpoint, got another kind of file. Name one that a training wrote, such as model.brig.',
  ],
  [
    file('short.ckpt', Buffer.from('BRIGANTINE')),
    'short.ckpt: expected a header of 52 bytes, got 10 in all. The file is truncated: use the checkpoint before it.',
  ],
  [
    file('shorter.ckpt', checkpoint().subarray(0, 4)),
    'shorter.ckpt: expected a header of 52 bytes, got 4 in all. The file is truncated: use the checkpoint before it.',
  ],
  [
    file('header.ckpt', checkpoint().subarray(0, 50)),
    'header.ckpt: expected a header of 52 bytes, got 50 in all. The file is truncated: use the checkpoint before it.',
  ],
  [
    file('newer.ckpt', patched(checkpoint(), 10, 99)),
    'newer.ckpt: expected format version 1 or older, got 99. The file was written by a newer Brigantine: upgrade this one.',
  ],
  [
    file('cut.ckpt', checkpoint().subarray(0, -3)),
    'cut.ckpt: expected 262 bytes after the header, got 259. The file is truncated: use the checkpoint before it.',
  ],
  [
    file('longer.ckpt', Buffer.concat([checkpoint(), bytes(3)])),
    'longer.ckpt: expected 262 bytes after the header, got 265. The file is altered: use the checkpoint before it.',
  ],
  [
    file('altered.ckpt', flipped(checkpoint(), 80)),
    'altered.ckpt: the checksum does not match. The file was altered: use the checkpoint before it.',
  ],
  [
    file('declares.ckpt', patched(checkpoint(), 17, 255)),
    'declares.ckpt: expected 280375465083142 bytes after the header, got 262. The file is truncated: use the checkpoint before it.',
  ],
  [file('noise.ckpt', sealed(bytes(40).fill(193))), 'noise.ckpt: the document cannot be read. It is not one of ours.'],
  [
    file('array.ckpt', sealed(packr.pack([1, 2]))),
    'array.ckpt: expected the fields of a checkpoint, got an array of 2. It is not one of ours.',
  ],
  [
    file('nothing.ckpt', sealed(packr.pack({}))),
    'nothing.ckpt: expected `config` to be an object, got `undefined`. It is not one of ours.',
  ],
  [
    file('config.ckpt', checkpoint({ config: 3 })),
    'config.ckpt: expected `config` to be an object, got `3` (number). It is not one of ours.',
  ],
  [
    file('epochs.ckpt', checkpoint({ config: { ...model, epochs: 0 } })),
    'epochs.ckpt: `epochs`: expected an integer >= 1, got `0` (number)',
  ],
  [
    file('layers.ckpt', checkpoint({ config: { model: { layers: [{ type: 'eval', code: '1' }] } } })),
    'layers.ckpt: `model.layers[0].type`: expected one of \'dense\', …, got `"eval"` (string)',
  ],
  [
    file('inputs.ckpt', checkpoint({ inputs: -1 })),
    'inputs.ckpt: expected `inputs` to be a whole number, got `-1` (number). It is not one of ours.',
  ],
  [
    file('inputs-zero.ckpt', checkpoint({ inputs: 0 })),
    'inputs-zero.ckpt: expected `dense_1/kernel` of shape [0, 3], got 6 values. The file is of another model: use the config it was trained with.',
  ],
  [
    file('inputs-giant.ckpt', checkpoint({ inputs: 2 ** 50 })),
    'inputs-giant.ckpt: expected `dense_1/kernel` of shape [1125899906842624, 3], got 6 values. The file is of another model: use the config it was trained with.',
  ],
  [
    file('names.ckpt', checkpoint({ names: ['a', 'b'] })),
    'names.ckpt: expected the parameters dense_1/kernel, dense_1/bias, got a, b. The file is of another model: use the config it was trained with.',
  ],
  [
    file('names-more.ckpt', checkpoint({ names: ['dense_1/kernel', 'dense_1/bias', 'c'] })),
    'names-more.ckpt: expected a tensor for each of 3 names. It is not one of ours.',
  ],
  [
    file('parameters.ckpt', checkpoint({ parameters: 'none' })),
    'parameters.ckpt: expected `parameters` to be a list of float32 tensors, got `"none"` (string). It is not one of ours.',
  ],
  [
    file('parameters-short.ckpt', checkpoint({ parameters: [bytes(8), bytes(12)] })),
    'parameters-short.ckpt: expected `dense_1/kernel` of shape [2, 3], got 2 values. The file is of another model: use the config it was trained with.',
  ],
  [
    file('parameters-odd.ckpt', checkpoint({ parameters: [bytes(7), bytes(12)] })),
    'parameters-odd.ckpt: expected `parameters` to be a list of float32 tensors, got an array of 2. It is not one of ours.',
  ],
  [
    file('slots.ckpt', checkpoint({ slots: [[bytes(4)]] })),
    'slots.ckpt: expected a tensor for each of 2 names. It is not one of ours.',
  ],
  [
    file('state.ckpt', checkpoint({ state: bytes(9) })),
    'state.ckpt: expected `state` to be float64 words or null, got a Buffer of 9. It is not one of ours.',
  ],
  [
    file('state-short.ckpt', checkpoint({ state: bytes(16) })),
    "Expected the interrupted run's 4 training rows, metrics and validation data, to go on with it; got other metrics or validation data. Give the same data, or begin anew.",
  ],
  [
    file('best.ckpt', checkpoint({ best: [3] })),
    'best.ckpt: expected `best` to be a list of float32 tensors or null, got an array of 1. It is not one of ours.',
  ],
  [
    file('best-short.ckpt', checkpoint({ best: [bytes(4)], state: bytes(800) })),
    "Expected the interrupted run's 4 training rows, metrics and validation data, to go on with it; got other metrics or validation data. Give the same data, or begin anew.",
  ],
  [
    file('updates.ckpt', checkpoint({ updates: 0.5 })),
    'updates.ckpt: expected `updates` to be a whole number, got `0.5` (number). It is not one of ours.',
  ],
  [
    file('kernels.ckpt', checkpoint({ kernels: 7 })),
    'kernels.ckpt: expected `kernels` to be a name, got `7` (number). It is not one of ours.',
  ],
  [
    file('history.ckpt', checkpoint({ history: [] })),
    'history.ckpt: expected `history` to be values by epoch, got an array of 0. It is not one of ours.',
  ],
  [
    file('transform.ckpt', checkpoint({ transform: 'x' })),
    'transform.ckpt: expected `transform` to be an object or null, got `"x"` (string). It is not one of ours.',
  ],
  [
    file('proto.ckpt', checkpoint({ config: JSON.parse('{ "__proto__": { "seed": 1 } }') })),
    'proto.ckpt: `model`: missing; expected an object with `layers`\nproto.ckpt: `__proto_`: unknown field; known here: $schema, …',
  ],
  [
    file('empty.safetensors', ''),
    'empty.safetensors: expected at least 8 bytes, got 0. The file is no safetensors file, or is damaged.',
  ],
  [
    file('short.safetensors', bytes(4)),
    'short.safetensors: expected at least 8 bytes, got 4. The file is no safetensors file, or is damaged.',
  ],
  [
    file('header.safetensors', patched(safetensors({}), 7, 255)),
    'header.safetensors: expected a header of at most 2 bytes, got 18374686479671623682. The file is no safetensors file, or is damaged.',
  ],
  [
    file('json.safetensors', safetensorsSaying('{"a": ')),
    'json.safetensors: expected a header of JSON. The file is no safetensors file, or is damaged.',
  ],
  [
    file('utf8.safetensors', safetensorsSaying(Buffer.of(34, 255, 34))),
    'utf8.safetensors: expected a header of JSON. The file is no safetensors file, or is damaged.',
  ],
  [
    file('list.safetensors', safetensorsSaying('[]')),
    'list.safetensors: expected the header to be an object of tensors. The file is no safetensors file, or is damaged.',
  ],
  [
    file('metadata.safetensors', safetensorsSaying('{"__metadata__": {"a": 1}}')),
    'metadata.safetensors: expected `__metadata__` to hold texts. The file is no safetensors file, or is damaged.',
  ],
  [
    file('tensor.safetensors', safetensors({ a: 3 })),
    'tensor.safetensors: tensor `a`: expected a dtype of F64, F32, F16, BF16, I64, I32, I16, I8, U16, U8, BOOL, got `undefined`. The file is no safetensors file, or is damaged.',
  ],
  [
    file('dtype.safetensors', safetensors({ a: { dtype: 'F8', shape: [1], data_offsets: [0, 1] } }, 1)),
    'dtype.safetensors: tensor `a`: expected a dtype of F64, F32, F16, BF16, I64, I32, I16, I8, U16, U8, BOOL, got F8. The file is no safetensors file, or is damaged.',
  ],
  [
    file('proto.safetensors', safetensors({ a: { dtype: 'constructor', shape: [1], data_offsets: [0, 1] } }, 1)),
    'proto.safetensors: tensor `a`: expected a dtype of F64, F32, F16, BF16, I64, I32, I16, I8, U16, U8, BOOL, got constructor. The file is no safetensors file, or is damaged.',
  ],
  [
    file('shape.safetensors', safetensors({ a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4)),
    'shape.safetensors: tensor `a`: expected a shape of whole numbers. The file is no safetensors file, or is damaged.',
  ],
  [
    file('axes.safetensors', safetensors({ a: { dtype: 'F32', shape: Array(40).fill(1), data_offsets: [0, 4] } }, 4)),
    'axes.safetensors: tensor `a`: expected a shape of whole numbers. The file is no safetensors file, or is damaged.',
  ],
  [
    file('offsets.safetensors', safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, 4)),
    'offsets.safetensors: tensor `a`: expected two `data_offsets`. The file is no safetensors file, or is damaged.',
  ],
  [
    file('bytes.safetensors', safetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, 4)),
    'bytes.safetensors: tensor `a`: expected 8 bytes for shape [2], got 4. The file is no safetensors file, or is damaged.',
  ],
  [
    file(
      'overflow.safetensors',
      safetensors({ a: { dtype: 'F32', shape: [2 ** 31, 2 ** 31, 4], data_offsets: [0, 0] } }),
    ),
    'overflow.safetensors: tensor `a`: expected 73786976294838206464 bytes for shape [2147483648, 2147483648, 4], got 0. The file is no safetensors file, or is damaged.',
  ],
  [
    file('gap.safetensors', safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8)),
    'gap.safetensors: expected the tensors to lie end to end: `a` begins at 4 instead of 0. The file is no safetensors file, or is damaged.',
  ],
  [
    file('outside.safetensors', safetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4)),
    'outside.safetensors: expected 8 bytes of tensors, got 4. The file is no safetensors file, or is damaged.',
  ],
  [
    file('more.safetensors', safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 8)),
    'more.safetensors: expected 4 bytes of tensors, got 8. The file is no safetensors file, or is damaged.',
  ],
  [
    file('foreign.safetensors', safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 4)),
    'foreign.safetensors: expected a model with its config, got tensors alone (of another tool?). Describe the model by a config: `brigantine import FILE --config run.yaml`, or `trainer.loadWeights(FILE)`.',
  ],
  [
    file('identity.safetensors', safetensors({ __metadata__: { brigantine: '{' } })),
    'identity.safetensors: expected the metadata `brigantine` to be JSON of a config and sizes. The file was altered.',
  ],
  [
    file('sizes.safetensors', safetensors({ __metadata__: { brigantine: '{"config": {}, "inputs": 0}' } })),
    'sizes.safetensors: expected the metadata `brigantine` to be JSON of a config and sizes. The file was altered.',
  ],
  [
    file(
      'config.safetensors',
      safetensors({
        __metadata__: { brigantine: '{"config": {"seed": -1}, "inputs": 1, "targets": 1, "layout": "brigantine"}' },
      }),
    ),
    'config.safetensors: `seed`: expected an integer from 0 to 4294967295, got `-1` (number)\nconfig.safetensors: `model`: missing; expected an object with `layers`',
  ],
  [
    file(
      'layout.safetensors',
      safetensors({
        __metadata__: { brigantine: JSON.stringify({ config: model, inputs: 2, targets: 1, layout: 'evil' }) },
      }),
    ),
    'layout.safetensors: expected the metadata `brigantine` to be JSON of a config and sizes. The file was altered.',
  ],
  [
    file(
      'tensors.safetensors',
      safetensors({
        __metadata__: { brigantine: JSON.stringify({ config: model, inputs: 2, targets: 1, layout: 'brigantine' }) },
      }),
    ),
    'tensors.safetensors: expected 2 tensors for dense_1/kernel, dense_1/bias; got none. Is it of another model? Tensors of other names are told apart by a map of names.',
  ],
  [
    file('empty.onnx', ''),
    'empty.onnx: expected an ONNX model, but the file is damaged or of another kind: it has no graph.',
  ],
  [
    file('text.onnx', 'this is no model'),
    'text.onnx: expected an ONNX model, but the file is damaged or of another kind: byte 1 begins a field of an unknown kind (4).',
  ],
  [
    file('cut.onnx', onnx().subarray(0, 40)),
    'cut.onnx: expected an ONNX model, but the file is damaged or of another kind: a field of 147 bytes begins 23 bytes before the end.',
  ],
  [
    file('endless.onnx', Buffer.alloc(20, 255)),
    'endless.onnx: expected an ONNX model, but the file is damaged or of another kind: the number before byte 10 has no end.',
  ],
  [
    file('length.onnx', Uint8Array.of(58, 255, 255, 255, 255, 15, 1)),
    'length.onnx: expected an ONNX model, but the file is damaged or of another kind: a field of 4294967295 bytes begins 1 bytes before the end.',
  ],
  [
    file('nothing.onnx', Uint8Array.of(58, 0)),
    'nothing.onnx: expected an ONNX model, but the file is damaged or of another kind: expected inputs and one output, got 0 and 0.',
  ],
  [
    file('operator.onnx', onnx({ nodes: [node('Einsum', ['x', 'w'], 'y')] })),
    'operator.onnx: node `Einsum_y`: operator Einsum has no layer here. Export the model without it, or write it with operators of the layers that README lists.',
  ],
  [
    file('tensor.onnx', onnx({ nodes: [node('Gemm', ['x', 'nowhere'], 'y')] })),
    'tensor.onnx: node `Gemm_y`: operator Gemm: expected input 1 to be a constant of the file.',
  ],
  [
    file('kernel.onnx', onnx({ nodes: [node('Gemm', ['x', 'vector'], 'y')] })),
    'kernel.onnx: node `Gemm_y`: operator Gemm: expected input 1 of 2 axes, got [3].',
  ],
  [
    file('rank.onnx', onnx({ nodes: [node('Conv', ['x', 'w'], 'y')] })),
    'rank.onnx: node `Conv_y`: operator Conv over rows of shape [2] has no layer here. Export the model without it, or write it with operators of the layers that README lists.',
  ],
  [
    file('widths.onnx', onnx({ inputs: [{ name: 'x', shape: [5] }] })),
    'widths.onnx: expected 15 values for `dense_1/kernel`, got 6.',
  ],
  [
    file('unknown.onnx', onnx({ inputs: [{ name: 'x', shape: [0] }] })),
    'unknown.onnx: input `x`: expected axes of known lengths behind the first, got [0].',
  ],
  [
    file('middle.onnx', onnx({ nodes: [node('Softmax', ['x'], 'm'), node('Gemm', ['m', 'w'], 'y')] })),
    'middle.onnx: node `Softmax_m`: operator Softmax in the middle of a network has no layer here. Export the model without it, or write it with operators of the layers that README lists.',
  ],
  [
    file('elsewhere.onnx', onnx({ nodes: [node('Gemm', ['x', 'w'], 'z')] })),
    'elsewhere.onnx: tensor `y`: no node makes it of the inputs.',
  ],
  [
    file(
      'circle.onnx',
      onnx({ nodes: [node('Relu', ['x'], 'a'), node('Add', ['a', 'b'], 'b'), node('Relu', ['b'], 'y')] }),
    ),
    'circle.onnx: node `Add_b`: `b` is read before it is made.',
  ],
  [
    file('circle-of-one.onnx', onnx({ nodes: [node('Relu', ['x'], 'x')] })),
    'circle-of-one.onnx: node `Relu_x`: `x` is read before it is made.',
  ],
]
