import { InvalidArgumentError, type Command } from 'commander'
import type { ResolvedConfig } from '../../config/schema.ts'
import type { Trainer } from '../../train/trainer.ts'
import { isNetwork, isSafetensors } from '../../interop/kinds.ts'
import { loadSaved } from '../model.ts'
import { mapOption } from '../names.ts'
import { open } from '../load.ts'
import { needData } from '../needs.ts'
import { print } from '../output.ts'
import { resolveConfig, withConfig, type Given } from '../settings.ts'

/** `brigantine import`: another tool's weights as a model. */
export function importCommand(program: Command): void {
  const command = program
    .command('import')
    .description(
      "Makes a model of an ONNX graph, of a TensorFlow.js or Keras model, or of another tool's weights for a network that a " +
        'config file describes.',
    )
    .argument(
      '<weights>',
      'ONNX graph, model.json of TensorFlow.js, or safetensors file: of PyTorch, Hugging Face, or ours',
    )
    .argument('<model>', 'what to write: model.brig')
    .option('--inputs <n>', "numbers of a row, where the config's data is not at hand", count)
    .option('--targets <n>', 'columns of the targets, likewise', count, 1)
    .addOption(mapOption('their name of a layer'))
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine import model.onnx model.brig\n  brigantine import tfjs/model.json model.brig\n  brigantine import torch.safetensors model.brig --config run.yaml\n' +
        '  brigantine import ours.safetensors model.brig\n' +
        '  brigantine import torch.safetensors model.brig --config run.yaml --inputs 784 --map dense_1=fc1 --map dense_2=head\n' +
        '  brigantine import torch.safetensors model.brig --config run.yaml --inputs 60 --map lstm_1=rnn.l0 --map lstm_2=rnn.l1',
    )
  const given = withConfig(command)
  command.action(async (weights: string, model: string, options: ImportOptions) =>
    run(await given(undefined), weights, model, options),
  )
}

interface ImportOptions {
  readonly inputs?: number
  readonly targets: number
  readonly map: Readonly<Record<string, string>>
}

async function run(given: Given, weights: string, model: string, options: ImportOptions): Promise<void> {
  // A network says by itself what it is, and so do weights of ours.
  if (isNetwork(weights) || (isSafetensors(weights) && saysNothing(given, options))) return convert(weights, model)
  const config = resolveConfig(given)
  await using trainer = await open(config)
  if (options.inputs === undefined) await buildFromData(trainer, config)
  else await trainer.build({ features: options.inputs, targets: options.targets, classNames: undefined })
  const names = Object.keys(options.map).length > 0 ? options.map : undefined
  await trainer.loadWeights(weights, { names })
  await trainer.save(model)
  print(`${model}: ${trainer.model!.numParameters} parameters of ${weights}`)
}

const saysNothing = ({ locate, assigned }: Given, { inputs, map }: ImportOptions): boolean =>
  locate === undefined && assigned.length === 0 && inputs === undefined && Object.keys(map).length === 0

async function convert(network: string, model: string): Promise<void> {
  await using trainer = await loadSaved(network, {})
  await trainer.save(model)
  print(`${model}: ${trainer.model!.layers.length} layers, ${trainer.model!.numParameters} parameters of ${network}`)
}

/** The data says how many numbers a row has, and how files become rows. */
async function buildFromData(trainer: Trainer, config: ResolvedConfig): Promise<void> {
  const { loadData } = await import('../../data/load.ts')
  const { train, transform } = await loadData(needData(config), config.seed)
  trainer.transform = transform
  await trainer.build(train)
}

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('Expected an integer >= 1.')
}
