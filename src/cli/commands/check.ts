import type { Command } from 'commander'
import type { ResolvedConfig } from '../../config/schema.ts'
import type { HealthVerdict } from '../../gradient/verdict.ts'
import { verdictsText } from '../../report/verdicts.ts'
import { load, open } from '../load.ts'
import { Exit, ExitWith } from '../exit.ts'
import { print, printJson } from '../output.ts'
import { printConfig, resolveConfig, withConfig, type Given } from '../settings.ts'

/** `brigantine check`: what is wrong with a run before it takes a step. */
export function checkCommand(program: Command): void {
  const command = program
    .command('check')
    .description('Says what can be known of a run before its first step: scales, dead layers, vanishing signals, ..')
    .argument('[config]', 'config file; the built-in digits without one')
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nEnds with 3 where there is a fault.\n\nExamples:\n  brigantine check run.yaml\n  brigantine check run.yaml --lr 0.1 --json',
    )
  const given = withConfig(command)
  command.action(async (file: string | undefined, options: CheckOptions) => run(await given(file), options))
}

interface CheckOptions {
  readonly json?: boolean
  readonly printConfig?: boolean
}

async function run(given: Given, { json = false, printConfig: show = false }: CheckOptions): Promise<void> {
  const config = resolveConfig(given)
  if (show) return printConfig(config, json)
  const verdicts = await check(config)
  if (json) printJson(verdicts)
  else print(verdictsText(verdicts))
  if (verdicts.some(({ severity }) => severity === 'fault' || severity === 'fatal')) throw new ExitWith(Exit.fault)
}

async function check(config: ResolvedConfig): Promise<HealthVerdict[]> {
  const { train } = await load(config)
  const trainer = await open(config)
  try {
    return await trainer.check(train)
  } finally {
    await trainer.close()
  }
}
