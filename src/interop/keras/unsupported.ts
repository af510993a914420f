/** What to do about Keras's layers that have none like them here, and about what its files say besides a layer's settings. */
import { describe } from '../../errors.ts'
import { field, isFields, textOf } from './fields.ts'
import type { Fields } from './fields.ts'

const AUGMENT = 'It changes training rows alone: save the model without it, and set `augment` of the config'
const SCALED = 'Save the model without it, and give scaled rows, or set `data.scale` where the model is trained'
const REWRITE = 'Write it as a layer of your own (`type: custom`), or save the model without it'

const PADDED = 'Set `padding` of the convolution behind it to "same"'
const DROPOUT = 'Use a Dropout'
const UNWRAPPED = 'Put its layers into the model around it, without the model between them'

const FIXES: Readonly<Record<string, string>> = {
  SeparableConv1D: 'Build it of a Conv1D with `groups` and a Conv1D of window 1',
  SeparableConv2D: 'Build it of a DepthwiseConv2D and a Conv2D of window 1, which do the same',
  Conv1DTranspose: 'Use an UpSampling1D and a Conv1D',
  Conv2DTranspose: 'Build it of an UpSampling2D and a Conv2D',
  SimpleRNN: 'Use an LSTM or a GRU',
  RNN: 'Use an LSTM or a GRU layer, not their cells',
  ConvLSTM2D: 'Use a Conv2D before an LSTM',
  ZeroPadding1D: PADDED,
  ZeroPadding2D: PADDED,
  Masking: 'Give rows of one length',
  Lambda: REWRITE,
  Multiply: REWRITE,
  Subtract: REWRITE,
  Average: REWRITE,
  Maximum: REWRITE,
  Permute: REWRITE,
  RepeatVector: REWRITE,
  UnitNormalization: REWRITE,
  GroupedQueryAttention: 'Use a MultiHeadAttention',
  Attention: 'Use a MultiHeadAttention',
  AdditiveAttention: 'Use a MultiHeadAttention',
  Rescaling: SCALED,
  Normalization: SCALED,
  TextVectorization: 'Give numbers of words',
  Resizing: 'Give rows resized',
  RandomFlip: AUGMENT,
  RandomCrop: AUGMENT,
  RandomRotation: AUGMENT,
  RandomZoom: AUGMENT,
  RandomContrast: AUGMENT,
  RandomTranslation: AUGMENT,
  GaussianNoise: AUGMENT,
  GaussianDropout: DROPOUT,
  AlphaDropout: DROPOUT,
  Sequential: UNWRAPPED,
  Functional: UNWRAPPED,
}

/** What is likely to help; undefined for a class that Keras has not. */
export const fixFor = (className: string): string | undefined =>
  Object.hasOwn(FIXES, className) ? FIXES[className] : undefined

/** Of a layer as Keras 3 writes it: why it is not what its class says; undefined where it is. */
export function strangeness(module: unknown, config: Fields): string | undefined {
  if (module !== undefined && module !== null && !/^(tf_)?keras(\.|$)/.test(textOf(module)))
    return `it is of the module ${describe(module)}, not of Keras, and no code is in the file. ${REWRITE}`
  const dtype = field(config, 'dtype')
  const policy = isFields(dtype) ? field(field(dtype, 'config'), 'name') : dtype
  const isQuantized = textOf(policy).includes('_from_') || /^Quantized/.test(textOf(field(dtype, 'class_name')))
  if (isQuantized) return `its weights are quantized (${describe(policy)}). Save the model before \`quantize\``
  if (typeof field(config, 'lora_rank') === 'number')
    return 'its weights are apart, with `lora_rank`. Save a model whose layers were built without it and have the merged weights'
  return undefined
}
