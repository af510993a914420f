/** What README.md shows is run as it stands there, so that it stays true. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfigFile } from '../../src/config/file.ts'
import { parseConfig } from '../../src/config/schema.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-readme-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!)
}

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function node(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

/** Four features about a centre for each of three species, 50 rows each: learnable, and as wide as the example says. */
function irisLike(): string {
  const species = ['setosa', 'versicolor', 'virginica']
  const rows = species.flatMap((name, k) =>
    Array.from({ length: 50 }, (_, i) => [5 + k + (i % 7) / 10, 3, 1 + 2 * k + (i % 5) / 10, k, name].join(',')),
  )
  return `sepal_length,sepal_width,petal_length,petal_width,species\n${rows.join('\n')}\n`
}

beforeAll(() => {
  writeFileSync(join(folder, 'iris.csv'), irisLike())
  writeFileSync(join(folder, 'rows.csv'), irisLike().split('\n').slice(0, 4).join('\n'))
  writeFileSync(join(folder, 'run.yaml'), blocks('yaml')[0]!)
})

test('the config example is a config, down to what it does not say', async () => {
  const { value, locate } = await loadConfigFile(join(folder, 'run.yaml'))
  const config = parseConfig(value, locate)
  expect(config.model.layers.map(({ type }) => type)).toEqual(['dense', 'dropout', 'residual', 'dense'])
  expect(config.optimizer).toMatchObject({ type: 'adamw', learningRate: 0.003, weightDecay: expect.any(Number) })
  expect(config.clip).toEqual({ mode: 'globalNorm', maxNorm: 1, normType: 2 })
  expect(config.earlyStopping).toMatchObject({ patience: 5, restoreBestWeights: true })
})

test('the library example learns the exclusive or and saves it', async () => {
  const [example] = blocks('ts')
  const source = pathToFileURL(join(root, 'src/index.ts')).href
  const script = example!.replace("'brigantine'", `'${source}'`)
  expect(script).not.toBe(example)
  const tell = 'process.stdout.write(JSON.stringify([history.history.loss!.at(-1), ...probabilities]))'
  writeFileSync(join(folder, 'xor.mts'), `${script}\n${tell}\n`)
  const { code, stdout, stderr } = await node('xor.mts')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const [loss, same, different] = JSON.parse(stdout) as number[]
  expect(loss).toBeLessThan(0.01)
  // [0, 1]: the second class. Two classes share a probability of 1.
  expect(different).toBeGreaterThan(0.9)
  expect(same! + different!).toBeCloseTo(1, 5)
  expect(existsSync(join(folder, 'xor.brig'))).toBe(true)
})

test('the example of data larger than memory learns to add', async () => {
  const sums = Array.from({ length: 2000 }, (_, i) => [(i % 7) / 7, (i % 11) / 11, (i % 7) / 7 + (i % 11) / 11])
  writeFileSync(join(folder, 'sums.txt'), sums.map((row) => row.join(' ')).join('\n'))
  const source = pathToFileURL(join(root, 'src/index.ts')).href
  const script = blocks('ts')[1]!.replace("'brigantine'", `'${source}'`)
  writeFileSync(join(folder, 'sums.mts'), `${script}\nprocess.stdout.write(String(history.history.loss!.at(-1)))\n`)
  const { code, stdout, stderr } = await node('sums.mts')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(Number(stdout)).toBeLessThan(0.01)
})

describe('the commands', () => {
  const commands = blocks('sh')
    .join('\n')
    .split('\n')
    .flatMap((line) => /^npx brigantine ([^#]*)/.exec(line)?.[1]!.trim() ?? [])

  test('end well, one after another', { timeout: 400_000 }, async () => {
    expect(commands.length).toBeGreaterThanOrEqual(9)
    for (const command of commands) {
      // A measurement takes its time; that it exists is all that is asked.
      const measures = /^(?:bench \w+|simulate)/.exec(command)?.[0]
      const args = measures ? [...measures.split(' '), '--help'] : command.split(' ')
      const { code, stdout, stderr } = await node(join(root, 'src/cli/bin.ts'), ...args)
      expect(stderr, command).not.toContain('error:')
      expect(stdout, command).not.toBe('')
      expect(code, command).toBe(0)
    }
  })
})
