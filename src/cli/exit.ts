import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { suppressedBy, TrainingError, UserError } from '../errors.ts'

/** What the process tells its caller. */
export const Exit = { ok: 0, internal: 1, badInput: 2, fault: 3, interrupted: 130 } as const
export type ExitCode = (typeof Exit)[keyof typeof Exit]

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    internal error
  2    bad input: config, flags, data or a file
  3    training was stopped: for its health, or for a worker or rank that was
       lost; what was saved before is whole. Or a check found a fault
  130  interrupted; a checkpoint was written`

/** Thrown by a command that ends with another code than 0 and has said why already. */
export class ExitWith extends Error {
  readonly code: ExitCode
  constructor(code: ExitCode) {
    super(`exit ${code}`)
    this.code = code
  }
}

/** Ends the process with what hangs in it: an exit would wait for its threads, and for the system's answer to a read. */
export function endByForce(code: ExitCode): void {
  if (process.platform === 'win32') process.kill(process.pid, 'SIGKILL')
  else process.execve!('/bin/sh', ['sh', '-c', `exit ${code}`])
}

/** The one place where an error becomes a message and an exit code. */
export function report(error: unknown, stack: boolean): { code: ExitCode; message: string } {
  if (error instanceof ExitWith) return { code: error.code, message: '' }
  if (error instanceof CommanderError) return fromCommander(error)
  const code = error instanceof UserError ? Exit.badInput : error instanceof TrainingError ? Exit.fault : Exit.internal
  // What failed after it, on the way out.
  const text = [...new Set([error, ...suppressedBy(error)].map(messageOf))].join('\nThen: ')
  const plain = code === Exit.internal ? `internal error: ${text}\n(--stack shows where it comes from)` : text
  return { code, message: stack ? inspect(error) : plain }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Help and version end well; everything else that commander refuses is bad input. */
function fromCommander(error: CommanderError): { code: ExitCode; message: string } {
  if (error.exitCode === 0) return { code: Exit.ok, message: '' }
  const message = error.code === 'commander.help' ? '' : error.message.replace(/^error: /, '')
  return { code: Exit.badInput, message }
}
