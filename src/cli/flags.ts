import { Option, type Command } from 'commander'
import { jsonSchema } from '../config/schema.ts'
import type { Assignment } from './assign.ts'

/** A field of the config as a flag: `optimizer.learningRate` is `--optimizer.learning-rate`. */
export interface ConfigFlag {
  readonly name: string
  readonly path: readonly string[]
  /** JSON types that the field takes: string, number, integer, boolean, array, object. */
  readonly types: ReadonlySet<string>
  readonly description: string
  /** The words it takes, where they are few and known. */
  readonly values: readonly string[]
}

type Schema = Readonly<Record<string, unknown>>

/** Every field of the config, in the order of the schema. Members of unions are merged: the schema checks the combination. */
export function configFlags(): ConfigFlag[] {
  const schema = jsonSchema()
  const flags = new Map<string, ConfigFlag>()
  collect(schema, [], flags)
  return [...flags.values()]
}

function collect(schema: Schema, path: readonly string[], flags: Map<string, ConfigFlag>): void {
  for (const member of members(schema)) {
    for (const [key, field] of Object.entries((member.properties ?? {}) as Record<string, Schema>)) {
      if (key === '$schema') continue
      const name = [...path, key].map(kebab).join('.')
      const known = flags.get(name)
      flags.set(name, {
        name,
        path: [...path, key],
        types: new Set([...(known?.types ?? []), ...members(field).map((part) => typeOf(part))]),
        description: known?.description || ((field.description as string | undefined) ?? ''),
        values: [...new Set([...(known?.values ?? []), ...members(field).flatMap(words)])],
      })
      collect(field, [...path, key], flags)
    }
  }
}

function members(schema: Schema): Schema[] {
  const union = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined
  return union ? union.flatMap(members) : [schema]
}

function typeOf(schema: Schema): string {
  return (schema.type as string | undefined) ?? (words(schema).length > 0 ? 'string' : 'object')
}

function words(schema: Schema): string[] {
  return ((schema.enum as unknown[] | undefined) ?? ('const' in schema ? [schema.const] : [])).filter(
    (word) => typeof word === 'string',
  )
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

const FRIENDLY = ['epochs', 'batch-size', 'optimizer', 'workers', 'kernels', 'seed', 'data', 'out']
const ALIASES: readonly [string, string, string][] = [
  ['lr', 'learning-rate', 'learning rate'],
  ['layers', 'model.layers', 'units of dense relu layers and of the last, linear one: 128,64,10'],
]

/** Adds a flag per field to a command: the everyday ones are shown in --help, all of them by --help-config. */
export function addConfigFlags(command: Command, assignments: Assignment[]): void {
  const flags = configFlags()
  const add = (name: string, flag: ConfigFlag, description: string, shown: boolean) => {
    const boolean = flag.types.size === 1 && flag.types.has('boolean')
    const option = new Option(`--${name} ${boolean ? '[boolean]' : '<value>'}`, description)
    command.addOption(shown ? option.helpGroup('Config (more by --help-config):') : option.hideHelp())
    command.on(`option:${name}`, (value: string | null) => assignments.push({ flag, value: value ?? 'true' }))
    if (!boolean) return
    command.addOption(new Option(`--no-${name}`).hideHelp())
    command.on(`option:no-${name}`, () => assignments.push({ flag, value: 'false' }))
  }
  const firstSentence = (text: string) => text.split(/[.;] /)[0]!.replace(/\.$/, '')
  const byName = new Map(flags.map((flag) => [flag.name, flag]))
  for (const name of FRIENDLY) add(name, byName.get(name)!, firstSentence(byName.get(name)!.description), true)
  for (const [alias, name, description] of ALIASES) add(alias, byName.get(name)!, description, true)
  for (const flag of flags) if (!FRIENDLY.includes(flag.name)) add(flag.name, flag, flag.description, false)
}

/** The text of --help-config: a line per field. */
export function configHelp(): string {
  return configFlags()
    .map(({ name, types, values, description }) => {
      const type = [...values, ...[...types].filter((one) => one !== 'string' || values.length === 0)].join('|')
      return `--${name} <${type}>${description ? `\n      ${description}` : ''}`
    })
    .join('\n')
}
