import type { Command } from 'commander'
import { summarizePlan } from '../../plan/summary.ts'
import { planText } from '../../report/plan.ts'
import { printConfig, resolveConfig, withConfig, type Given } from '../settings.ts'
import { needData } from '../needs.ts'
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
  const [{ Trainer }, { loadData }] = await Promise.all([
    import('../../train/trainer.ts'),
    import('../../data/load.ts'),
  ])
  const { train, validation } = await loadData(needData(config), config.seed)
  await using trainer = await Trainer.create(config)
  const plan = summarizePlan(trainer.plan(train, validation))
  if (json) printJson(plan)
  else print(planText(plan))
}
