import type { Command } from 'commander'
import type { ResolvedConfig } from '../../config/schema.ts'
import { table } from '../../report/table.ts'
import type { GradientCheck } from '../../train/check-gradients.ts'
import { load } from '../load.ts'
import { Exit, ExitWith } from '../exit.ts'
import { print, printJson } from '../output.ts'
import { resolveConfig, withConfig, type Given } from '../settings.ts'

/** `brigantine check-gradients`: layers and losses of the user's own beside finite differences. */
export function checkGradientsCommand(program: Command): void {
  const command = program
    .command('check-gradients')
    .description("Sets the gradients of a config's own layers and loss beside finite differences.")
    .argument('<config>', 'config file with layers, or a loss, of `type: custom`')
    .option('--json', 'machine-readable output')
    .addHelpText('after', '\nEnds with 3 where one is wrong.\n\nExample:\n  brigantine check-gradients run.yaml')
  const given = withConfig(command)
  command.action(async (file: string, options: { json?: boolean }) => run(await given(file), options))
}

async function run(given: Given, { json = false }: { json?: boolean }): Promise<void> {
  const checks = await check(resolveConfig(given))
  if (json) printJson(checks)
  else print(text(checks))
  if (checks.some(({ passed }) => !passed)) throw new ExitWith(Exit.fault)
}

async function check(config: ResolvedConfig): Promise<GradientCheck[]> {
  const { loadOwn } = await import('../../model/own.ts')
  const { checkGradients } = await import('../../train/check-gradients.ts')
  const { train } = await load(config)
  await loadOwn(config.model, config.loss)
  const loss = config.loss === 'auto' ? { type: 'meanSquaredError' as const } : config.loss
  return checkGradients(config.model, train.features, loss, train.targets)
}

function text(checks: readonly GradientCheck[]): string {
  if (checks.length === 0) return 'No layer and no loss here is of `type: custom`: there is nothing of yours to check.'
  const rows = checks.map(({ name, of, error, scale, passed }) => [
    name,
    of,
    error.toExponential(1),
    scale.toExponential(1),
    passed ? 'ok' : of === 'rows' ? 'WRONG: a row depends on other rows' : 'WRONG',
  ])
  return table(rows, { header: ['layer', 'with respect to', 'error', 'largest', ''] })
}
