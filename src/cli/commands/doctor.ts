import type { Command } from 'commander'
import { paint } from '../../report/progress.ts'
import { inspectSystem } from '../../report/system.ts'
import { table } from '../../report/table.ts'
import { print, printJson } from '../output.ts'

/** `brigantine doctor`: what this machine offers, and what to do about each. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('Reports cores, SIMD, native BLAS, MPI and memory limits, and what to do about each.')
    .option('--json', 'machine-readable output')
    .addHelpText('after', '\nExamples:\n  brigantine doctor\n  brigantine doctor --json')
    .action((options: { json?: boolean }) => {
      const findings = inspectSystem()
      if (options.json) return printJson(findings)
      const marks = { ok: 'ok', note: 'note', problem: 'PROBLEM' } as const
      const rows = findings.map(({ name, value, status, advice }) => [marks[status], name, value, advice])
      print(table(rows, { header: ['', 'what', 'found', 'what to do'] }))
      const problems = findings.filter(({ status }) => status === 'problem').length
      print(
        problems === 0 ? '\nReady to train.' : paint('red', `\n${problems} to mend before training.`, process.stdout),
      )
    })
}
