import type { Command } from 'commander'
import { summarizePlan } from '../../plan/summary.ts'
import { planText } from '../../report/plan.ts'
import { load, open } from '../load.ts'
import { printConfig, resolveConfig, withConfig, type Given } from '../settings.ts'
import { print, printJson } from '../output.ts'

/** `brigantine plan`: the compiled plan, without training. */
export function planCommand(program: Command): void {
  const command = program
    .command('plan')
    .description('Prints the compiled plan of a run: memory by region, phases, pieces, FLOPs and bytes.')
    .argument('[config]', 'config file; the built-in digits without one')
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine plan\n  brigantine plan run.yaml --batch-size 256\n  brigantine plan run.yaml --json',
    )
  const given = withConfig(command)
  command.action(async (file: string | undefined, options: PlanOptions) => run(await given(file), options))
}

interface PlanOptions {
  readonly json?: boolean
  readonly printConfig?: boolean
}

async function run(given: Given, { json = false, printConfig: show = false }: PlanOptions): Promise<void> {
  const config = resolveConfig(given)
  if (show) return printConfig(config, json)
  const { train, validation, stream, validationStream } = await load(config)
  await using trainer = await open(config)
  const buffer = stream && { bufferRows: config.data?.bufferRows }
  const plan = trainer.plan(train, validationStream ? 'stream' : validation, buffer)
  const summary = summarizePlan(plan)
  if (json) printJson(summary)
  else print(planText(summary))
  plan.layout.check()
}
