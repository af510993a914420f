import type { Command } from 'commander'
import { writeFileSync } from 'node:fs'
import { UserError } from '../../errors.ts'
import { reportPage, reportPicture } from '../../report/page/page.ts'
import { readRun } from '../../report/page/record.ts'
import { runFiles } from '../files.ts'
import { print } from '../output.ts'

/** `brigantine report`: what a run looks like to a person. */
export function reportCommand(program: Command): void {
  program
    .command('report')
    .description('Writes the report of a run: a page that opens without a server. The run may be over or go on.')
    .argument('<run>', 'folder of a run, as `train` leaves it')
    .option('-o, --output <file>', 'where to write it (default: report.html in the run)')
    .option('--svg <file>', 'writes the pictures as one SVG file too')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine report runs/digits\n  brigantine report runs/digits --svg digits.svg -o digits.html',
    )
    .action(run)
}

interface ReportOptions {
  readonly output?: string
  readonly svg?: string
}

function run(folder: string, { output, svg }: ReportOptions): void {
  const record = readRun(folder)
  const now = Date.now()
  const path = output ?? runFiles(folder).report
  write(path, reportPage(record, now))
  if (svg) write(svg, reportPicture(record, now))
  print(path)
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    throw new UserError(`${path}: could not be written (${(cause as NodeJS.ErrnoException).code}).`, { cause })
  }
}
