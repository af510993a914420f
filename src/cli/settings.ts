import { basename, extname, join } from 'node:path'
import { CommanderError, type Command } from 'commander'
import { stringify } from 'yaml'
import { loadConfigFile } from '../config/file.ts'
import { parseConfig, type Config, type Locate, type ResolvedConfig } from '../config/schema.ts'
import { UserError } from '../errors.ts'
import { assignAll, parseSet, type Assignment } from './assign.ts'
import { DIGITS } from './defaults.ts'
import { addConfigFlags, configHelp } from './flags.ts'
import { print, printJson } from './output.ts'

/** What file and flags say, before defaults are filled in. */
export interface Given {
  readonly fields: Record<string, unknown>
  /** What the file alone says. */
  readonly file: Record<string, unknown>
  readonly locate: Locate | undefined
  /** Fields that flags set: messages about them name the flag's field, not the file. */
  readonly assigned: readonly Assignment[]
}

/** Adds config file, flags and --set to a command; the function it returns reads them once the command runs. */
export function withConfig(command: Command): (file: string | undefined) => Promise<Given> {
  const assignments: Assignment[] = []
  command
    .option('-c, --config <file>', 'config file: YAML, JSON, or a .ts/.mts/.js/.mjs module that exports it by default')
    .option('--set <path=value>', 'sets any field; may be given several times')
    .option('--print-config', 'shows the resolved config and ends')
    .option('--help-config', 'shows every field of the config, each of which is a flag')
    .on('option:set', (text: string) => assignments.push(parseSet(text)))
    .on('option:help-config', () => {
      print(configHelp())
      throw new CommanderError(0, 'brigantine.helpConfig', '')
    })
  addConfigFlags(command, assignments)
  return async (argument) => {
    const path = argument ?? (command.opts().config as string | undefined)
    const file = path === undefined ? undefined : await loadConfigFile(path)
    const value = file?.value ?? {}
    return { fields: assignAll(value, assignments), file: value, locate: file?.locate, assigned: assignments }
  }
}

const NO_MODEL =
  '`model`: missing; name a config file that describes it, or give the units of its layers: --layers 64,32,N ' +
  'for N classes or target columns'

/** The complete config of a run that goes on: what file and flags say, over the config it had. */
export function resolveOver(saved: object, given: Given): ResolvedConfig {
  return parseConfig(assignAll({ ...saved, ...given.file }, given.assigned), locator(given))
}

/** The complete config of a run. With neither a file nor data it is the built-in example. */
export function resolveConfig(given: Given): ResolvedConfig {
  const { fields } = given
  const fromFlags = given.locate === undefined
  const example = fromFlags && isDigits(fields.data)
  if (fromFlags && !example && fields.model === undefined) throw new UserError(NO_MODEL)
  return parseConfig(example ? mergeExample(fields) : fields, locator(given))
}

/** Names the file's line for a field from the file, and the flag for a field from a flag. */
export function locator({ locate, assigned }: Given): Locate {
  return (path) => {
    const flag = assigned.some(({ flag }) => flag.path.every((key, i) => path.length <= i || String(path[i]) === key))
    return flag && path.length > 0 ? 'command line' : (locate?.(path) ?? '')
  }
}

/** Where a run's files go: `out`, or runs/ and the name of its data. */
export function outFolder(config: Pick<ResolvedConfig, 'out' | 'data'>): string {
  if (config.out !== undefined) return config.out
  const source = basename(config.data?.source ?? 'model').replace(/\.gz$/, '')
  return join('runs', basename(source, extname(source)))
}

export function printConfig(config: ResolvedConfig, json: boolean): void {
  if (json) printJson(config)
  else print(stringify(config).trimEnd())
}

function isDigits(data: unknown): boolean {
  return data === undefined || data === 'digits' || (data as { source?: unknown } | null)?.source === 'digits'
}

function mergeExample(fields: Record<string, unknown>): Config {
  const data = typeof fields.data === 'object' ? fields.data : {}
  return { ...DIGITS, ...fields, data: { ...(DIGITS.data as object), ...data } } as Config
}
