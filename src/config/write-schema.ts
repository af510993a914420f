import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jsonSchema } from './schema.ts'

/** A build step: writes the JSON Schema of the config for editors, by default to dist/config.schema.json. */
export function writeSchema(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSchema(process.argv[2] ?? 'dist/config.schema.json')
