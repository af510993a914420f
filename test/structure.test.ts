/** The order of the source: which folder may import which, and which file a package. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Lowest first. A folder imports from lower levels and from itself only: folders of one level know nothing of each other. */
const LEVELS = [
  ['errors.ts', 'package.ts'],
  ['random', 'native', 'chart'],
  ['kernels'],
  ['model', 'optim', 'gradient'],
  ['arena'],
  ['plan'],
  ['data', 'remedy'],
  ['config', 'interop'],
  ['crew'],
  ['train'],
  ['report'],
  // Beside src/: a command of the cli asks for it, and it measures everything below.
  ['bench'],
  ['cli'],
  ['index.ts'],
]

/** Where a package may be imported: one file, or the folders in which its words are spoken throughout. */
const PACKAGES: Record<string, readonly string[]> = {
  piscina: ['src/crew/crew.ts'],
  pino: ['src/report/log.ts'],
  msgpackr: ['src/train/checkpoint.ts'],
  'csv-parse': ['src/data/read/csv.ts'],

  hyparquet: ['src/data/read/parquet.ts', 'src/data/read/parquet-heads.ts', 'src/data/read/parquet-pages.ts'],
  'hyparquet-compressors': ['src/data/read/parquet.ts'],
  'jpeg-js': ['src/data/image/jpeg.ts'],
  'apache-arrow': ['src/data/read/arrow.ts', 'src/data/read/arrow-columns.ts'],
  commander: ['src/cli/'],
  koffi: ['src/native/koffi.ts'],
  zod: ['src/config/'],
  yaml: ['src/cli/', 'src/config/'],
}

interface Import {
  readonly file: string
  readonly from: string
}

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    // AssemblyScript: another language, compiled by itself.
    .filter((file) => !file.startsWith('src/kernels/assembly/'))

const STATEMENT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"`]*?from\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(STATEMENT)].map((match) => ({ file, from: (match[1] ?? match[2] ?? match[3])! }))
}

const all = [...sources('src'), ...sources('workers'), ...sources('bench')].flatMap(importsOf)
const local = all.filter(({ from }) => from.startsWith('.'))
const packages = all.filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))

/** `train` for src/train/run.ts and everything below that folder, `bench` for bench/step.ts. */
const folderOf = (file: string): string => file.replace(/^src\//, '').split('/')[0]!
const targetOf = ({ file, from }: Import): string => relative(root, resolve(root, dirname(file), from))
const levelOf = (folder: string): number => LEVELS.findIndex((level) => level.includes(folder))

describe('the source', () => {
  it('is read in full by this test', () => {
    expect(sources('src').length).toBeGreaterThan(80)
    expect(local.length).toBeGreaterThan(200)
    expect(packages.length).toBeGreaterThan(10)
  })

  it('has no folder without a level', () => {
    const folders = new Set(sources('src').map(folderOf))
    expect([...folders].filter((folder) => levelOf(folder) < 0)).toEqual([])
  })

  it('imports downwards only', () => {
    const upwards = local
      .filter(({ file }) => !file.startsWith('workers/'))
      .map((entry) => ({ ...entry, target: targetOf(entry) }))
      .filter(({ file, target }) => {
        const [own, other] = [folderOf(file), folderOf(target)]
        return own !== other && (levelOf(other) < 0 || levelOf(other) >= levelOf(own))
      })
      .map(({ file, target }) => `${file} -> ${target}`)
    expect(upwards).toEqual([])
  })

  it('has workers that import the trainer and what is below it', () => {
    const targets = local.filter(({ file }) => file.startsWith('workers/')).map(targetOf)
    expect(targets.length).toBeGreaterThan(0)
    expect(targets.filter((t) => !t.startsWith('src/') || levelOf(folderOf(t)) > levelOf('train'))).toEqual([])
  })
})

describe('packages', () => {
  it.each(Object.entries(PACKAGES))('%s is imported in %s alone', (name, places) => {
    const files = packages.filter(({ from }) => from === name || from.startsWith(`${name}/`)).map(({ file }) => file)
    expect(files.length).toBeGreaterThan(0)
    expect(
      files.filter(
        (file) => !places.some((place) => file === place || (place.endsWith('/') && file.startsWith(place))),
      ),
    ).toEqual([])
  })

  it('are all in the list above, but for the compiler of the kernels', () => {
    const names = new Set(packages.map(({ from }) => from.split('/')[0]!))
    expect([...names].filter((name) => !(name in PACKAGES))).toEqual(['assemblyscript'])
  })
})

describe('Atomics', () => {
  it('are in one file, with the reasons for their order', () => {
    const users = sources('src').filter((file) => /\bAtomics\s*\./.test(readFileSync(join(root, file), 'utf8')))
    expect(users).toEqual(['src/arena/control.ts'])
  })
})

describe('the wall clock', () => {
  it('is read for the date on a report alone: setting it changes no step, deadline or pause', () => {
    const reads = /\bDate\.now\b|\bnew Date\(\)/
    const users = [...sources('src'), ...sources('workers')].filter((file) =>
      reads.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(users.sort()).toEqual(['src/cli/commands/report.ts', 'src/report/page/keep.ts'])
  })
})

interface Locked {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly integrity?: string
  readonly hasInstallScript?: boolean
}

describe('what is installed', () => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'))
  const { packages: installed } = read('package-lock.json') as { packages: Record<string, Locked> }
  const locked = Object.entries(installed).filter(([path]) => path !== '')

  it('has a checksum, every package of it', () => {
    expect(locked.length).toBeGreaterThan(100)
    expect(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([])
  })

  it('runs no install script that is not declared, and none of a package that users must have', () => {
    const { allowScripts } = read('package.json') as { allowScripts: Record<string, boolean> }
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true)
    const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    expect([...new Set(names)].sort()).toEqual(Object.keys(allowScripts).sort())
    expect(scripted.filter(([, { dev, optional }]) => !dev && !optional).map(([path]) => path)).toEqual([])
  })
})
