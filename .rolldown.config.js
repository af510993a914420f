/**
 * The package's own modules in few files: a process that trains need not find and read three hundred. Takes what tsc
 * left in dist/ and puts the entries in their place; types, and the benches that run from a clone, stay as tsc wrote
 * them. Of the dependencies only zod comes along, of which a part is used: the others are found where npm put them.
 */
import { readFileSync, rmSync } from 'node:fs'
import { isAbsolute } from 'node:path'

const entries = [
  'src/index',
  'src/cli/bin',
  'workers/worker',
  'workers/exchange',
  'bench/health/worker',
  'bench/simulate/contend',
]
const license = `/*!\n${readFileSync('node_modules/zod/LICENSE', 'utf8')}*/`

rmSync('dist/chunks', { recursive: true, force: true })

export default {
  input: Object.fromEntries(entries.map((entry) => [entry, `dist/${entry}.js`])),
  platform: 'node',
  external: (id) => !isAbsolute(id) && !/^(\.|zod)/.test(id),
  output: {
    dir: 'dist',
    format: 'esm',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: [{ name: 'zod', test: /node_modules[\\/]zod[\\/]/ }] },
    banner: ({ name }) => (name === 'zod' ? license : ''),
  },
}
