/** The package is dist/: what runs from the source must run from there too. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const dist = join(import.meta.dirname, '../../dist')
const built = existsSync(dist)

test.skipIf(!built)(
  `every relative import of the package names a file of it${built ? '' : ' (skipped: not built)'}`,
  () => {
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
    const imports = files.flatMap((name) => {
      const text = readFileSync(join(dist, name), 'utf8')
      const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)["'](\.\.?\/[^"']+)["']/g)
      return [...found].map((match) => ({ name, from: match[1]! }))
    })
    expect(imports.length).toBeGreaterThan(100)
    expect(imports.filter(({ name, from }) => !existsSync(resolve(dirname(join(dist, name)), from)))).toEqual([])
  },
)
