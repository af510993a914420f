import { Option, type Command } from 'commander'
import { UserError } from '../../errors.ts'
import { layoutNames } from '../../interop/layout.ts'
import type { SaveOptions } from '../../train/exchange.ts'
import { mapOption } from '../names.ts'
import { loadSaved } from '../model.ts'
import { print, say } from '../output.ts'

/** `brigantine export`: a model for other tools. */
export function exportCommand(program: Command): void {
  program
    .command('export')
    .description("Writes a saved model in another tool's format: safetensors or ONNX.")
    .argument('<model>', 'model or checkpoint file')
    .argument('<file>', 'what to write: name.safetensors or name.onnx')
    .addOption(
      new Option('--layout <name>', 'names and axes of the tensors; pytorch: as a state_dict has them')
        .choices([...layoutNames])
        .default('brigantine'),
    )
    .addOption(mapOption('what a layer is called there'))
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine export model.brig model.safetensors\n  brigantine export model.brig model.onnx\n' +
        '  brigantine export model.brig torch.safetensors --layout pytorch\n' +
        '  brigantine export model.brig torch.safetensors --layout pytorch --map lstm_1=rnn.l0 --map lstm_2=rnn.l1\n' +
        '  python3 -c "from safetensors.torch import load_file; net.load_state_dict(load_file(\'torch.safetensors\'))"',
    )
    .action(run)
}

interface Options {
  readonly layout: SaveOptions['layout']
  readonly map: Readonly<Record<string, string>>
}

async function run(path: string, file: string, { layout, map }: Options): Promise<void> {
  const onnx = file.endsWith('.onnx')
  if (!onnx && !file.endsWith('.safetensors')) {
    throw new UserError(`${file}: expected a name that ends with .safetensors or .onnx, which says what to write`)
  }
  await using trainer = await loadSaved(path, {})
  await trainer.save(file, { layout, names: Object.keys(map).length > 0 ? map : undefined })
  const { parameters, numParameters } = trainer.model!
  print(`${file}: ${parameters.length} tensors, ${numParameters} numbers${onnx ? '' : `, layout ${layout}`}`)
  if (!onnx || !trainer.transform) return
  say(
    'It takes rows as training saw them: scaled, categories as columns. readDataset in the library makes them of a file.',
  )
}
