/** What users install: the packed files by themselves, beside their dependencies. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Inside this project's node_modules, so that the dependencies are found as they are where a user installs it.
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const place = mkdtempSync(join(cache, 'package-'))
const installed = join(place, 'package')

const run = (args: readonly string[]): string =>
  execFileSync(process.execPath, args, { cwd: place, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })

const built = existsSync(join(root, 'dist/chunks'))

describe.skipIf(!built)(`the package${built ? '' : ' (skipped: `npm run build` makes it)'}`, () => {
  beforeAll(() => {
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', place], {
        cwd: root,
        encoding: 'utf8',
      }),
    ) as [{ filename: string }]
    execFileSync('tar', ['-xzf', packed.filename], { cwd: place })
  }, 60_000)
  afterAll(() => rmSync(place, { recursive: true, force: true }))

  test('trains on two workers, with kernels and threads of its own files, and has the bits of the source', async () => {
    const script = (from: string) => `
      import { Trainer } from ${JSON.stringify(pathToFileURL(from).href)}
      const [rows, features] = [60, 5]
      const x = Float32Array.from({ length: rows * features }, (_, i) => Math.sin(i))
      const y = Float32Array.from({ length: rows }, (_, i) => i % 3)
      const layers = [{ type: 'dense', units: 8, activation: 'relu' }, { type: 'dense', units: 3 }]
      const trainer = await Trainer.create({ model: { layers }, batchSize: 20, epochs: 2, workers: 2, kernels: 'wasm-strict' })
      await trainer.fit({ rows, features, targets: 1, x, y })
      await trainer.save(${JSON.stringify(join(place, 'model.brig'))})
      await trainer.close()
      console.log(trainer.weightsHash())`
    const hash = (from: string) => run(['--input-type=module', '--eval', script(from)]).trim()
    const packed = hash(join(installed, 'dist/src/index.js'))
    expect(packed).toMatch(/^[0-9a-f]{64}$/)
    expect(packed).toBe(hash(join(root, 'src/index.ts')))
  })

  test('has the command, which knows its version, its benches and its help', () => {
    const { version, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      version: string
      bin: { brigantine: string }
    }
    const brigantine = join(installed, bin.brigantine)
    expect(run([brigantine, '--version']).trim()).toBe(version)
    expect(run([brigantine, '--help'])).toContain('train')
    expect(run([brigantine, 'bench', 'health', '--help'])).toContain('--quick')
  })

  test('loads of other packages what it uses, and what is optional only then', () => {
    const told = `
      import { writeSync } from 'node:fs'
      import { registerHooks } from 'node:module'
      registerHooks({
        load(url, context, next) {
          const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/.]+)\\//.exec(url)?.[1]
          if (name) writeSync(2, 'loads ' + name + '\\n')
          return next(url, context)
        },
      })`
    const loads = (...args: string[]) => {
      const trace = ['--import', `data:text/javascript,${encodeURIComponent(told)}`]
      const { stderr, status } = spawnSync(
        process.execPath,
        [...trace, join(installed, 'dist/src/cli/bin.js'), ...args],
        { cwd: place, encoding: 'utf8' },
      )
      expect(status).toBe(0)
      return new Set([...stderr.matchAll(/^loads (.+)$/gm)].map(([, name]) => name!))
    }
    const trains = loads('train', '--epochs', '1', '--workers', '1', '--kernels', 'wasm', '--quiet')
    expect(trains).toContain('piscina')
    expect(trains).toContain('msgpackr')
    for (const optional of ['koffi', 'apache-arrow', 'jpeg-js', 'hyparquet', 'csv-parse'])
      expect(trains).not.toContain(optional)
    expect(loads('doctor')).toContain('koffi')
    expect(loads('--help')).not.toContain('piscina')
  }, 60_000)

  test('has the schema of the config, and types for all that it exports', () => {
    const schema = JSON.parse(readFileSync(join(installed, 'dist/config.schema.json'), 'utf8')) as { type: string }
    expect(schema.type).toBe('object')
    expect(readFileSync(join(installed, 'dist/src/index.d.ts'), 'utf8')).toContain('Trainer')
  })
})
