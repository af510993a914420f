import { Command, CommanderError } from 'commander'
import { SourceHangs } from '../data/read/answer.ts'
import { suggest, WorkerHangs, writeAdvice } from '../errors.ts'
import { version } from '../package.ts'
import { paint } from '../report/progress.ts'
import { benchCommand } from './commands/bench.ts'
import { checkGradientsCommand } from './commands/check-gradients.ts'
import { checkCommand } from './commands/check.ts'
import { doctorCommand } from './commands/doctor.ts'
import { evaluateCommand } from './commands/evaluate.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { planCommand } from './commands/plan.ts'
import { predictCommand } from './commands/predict.ts'
import { reportCommand } from './commands/report.ts'
import { simulateCommand } from './commands/simulate.ts'
import { trainCommand } from './commands/train.ts'
import { endByForce, Exit, EXIT_CODES_HELP, report } from './exit.ts'
import { say } from './output.ts'

/** Runs the command line (without node and script) and gives the exit code. Nothing else decides it. */
export async function main(argv: readonly string[]): Promise<number> {
  heedOutput()
  const program = createProgram()
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    const stack = argv.includes('--stack') || process.env.BRIGANTINE_STACK === '1'
    const { code, message } = report(withSuggestion(error, program, argv), stack)
    if (message) say(`${paint('red', 'error:', process.stderr)} ${message}`)
    if (error instanceof SourceHangs || error instanceof WorkerHangs) endByForce(code)
    return code
  }
}

let heeded = false

function heedOutput(): void {
  if (heeded) return
  heeded = true
  // Results that are lost are an error; a reader that has seen enough (`| head`) is none.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(Exit.ok)
    const advice = writeAdvice(code, 'Send the results elsewhere.')
    say(`${paint('red', 'error:', process.stderr)} stdout: could not be written (${code}). ${advice}`)
    process.exit(Exit.badInput)
  })
  // Progress that nobody can read is no reason to end a training.
  process.stderr.on('error', () => {})
}

export function createProgram(): Command {
  const program = new Command('brigantine')
    .description('Trains neural networks on every core: the same bits for any number of workers.')
    .version(version())
    .showHelpAfterError(false)
    .addHelpText(
      'after',
      `
Examples:
  brigantine train                                  the built-in handwritten digits
  brigantine train run.yaml --epochs 5 --lr 0.01    a config file, and flags over it
  brigantine evaluate runs/digits/model.brig
  brigantine doctor
${EXIT_CODES_HELP}`,
    )
  const commands = [
    trainCommand,
    evaluateCommand,
    predictCommand,
    reportCommand,
    checkCommand,
    checkGradientsCommand,
    exportCommand,
    importCommand,
    planCommand,
    doctorCommand,
    benchCommand,
    simulateCommand,
  ]
  for (const add of commands) add(program)
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    command.exitOverride().configureOutput({ outputError: () => undefined })
    if (command !== program) command.option('--stack', 'shows where an error comes from (or BRIGANTINE_STACK=1)')
  }
  return program
}

/** Commander suggests shown flags only; ours are mostly hidden. */
function withSuggestion(error: unknown, program: Command, argv: readonly string[]): unknown {
  if (!(error instanceof CommanderError) || error.code !== 'commander.unknownOption') return error
  const flag = /'(--?[^'=]+)/.exec(error.message)?.[1] ?? ''
  const command = program.commands.find((candidate) => argv.includes(candidate.name())) ?? program
  const close = suggest(
    flag,
    command.options.flatMap((option) => option.long ?? []),
  )
  const advice = close
    ? `did you mean \`${close}\`?`
    : `\`${command === program ? '' : 'brigantine '}${command.name()} --help\` shows what there is`
  return new CommanderError(error.exitCode, error.code, `unknown flag \`${flag}\`; ${advice}`)
}
