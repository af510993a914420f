import { Option, type Command } from 'commander'
import { UserError } from '../../errors.ts'
import { layoutNames, type LayoutName } from '../../interop/layout.ts'
import { loadSaved } from '../model.ts'
import { print } from '../output.ts'

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
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine export model.brig model.safetensors\n  brigantine export model.brig model.onnx\n' +
        '  brigantine export model.brig torch.safetensors --layout pytorch\n' +
        '  python3 -c "from safetensors.torch import load_file; net.load_state_dict(load_file(\'torch.safetensors\'))"',
    )
    .action(run)
}

async function run(path: string, file: string, options: { readonly layout: LayoutName }): Promise<void> {
  const onnx = file.endsWith('.onnx')
  if (!onnx && !file.endsWith('.safetensors')) {
    throw new UserError(`${file}: expected a name that ends with .safetensors or .onnx, which says what to write`)
  }
  await using trainer = await loadSaved(path, {})
  await trainer.save(file, options)
  const { parameters, numParameters } = trainer.model!
  print(`${file}: ${parameters.length} tensors, ${numParameters} numbers${onnx ? '' : `, layout ${options.layout}`}`)
}
