import { execFile, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { RunResult } from '../../src/cli/summary.ts'
import { resolveKernels } from '../../src/kernels/select.ts'
import type { ConfusionMatrix } from '../../src/model/metrics/confusion.ts'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The program as a user starts it, without a terminal. */
function brigantine(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

describe('help', () => {
  test.each(['train', 'evaluate', 'predict', 'plan', 'doctor'])(
    '%s --help has examples and ends well',
    async (name) => {
      const { code, stdout } = await brigantine(name, '--help')
      expect(code).toBe(0)
      expect(stdout).toContain(`Usage: brigantine ${name}`)
      expect(stdout).toContain(`\nExamples:\n  `)
    },
  )

  test('--help documents the exit codes; --help-config every field', async () => {
    const [help, fields] = await Promise.all([brigantine('--help'), brigantine('train', '--help-config')])
    const codes = /0 +done\n +1 +internal error\n +2 +bad input.*\n +3 +.*health.*\n.*lost.*fault\n +130 +interrupted/
    expect(help.stdout).toMatch(codes)
    expect(fields.code).toBe(0)
    expect(fields.stdout).toContain('--clip.max-norm <number>\n')
  })
})

describe('--print-config', () => {
  test('shows file and flags resolved, as YAML and as JSON', async () => {
    const file = write('run.yaml', 'epochs: 3\nbatchSize: 16\nmodel: { layers: [{ type: dense, units: 2 }] }\n')
    const flags = ['--epochs', '5', '--lr', '0.5', '--optimizer.type', 'sgd', '--clip.max-norm', '2', '--no-shuffle']
    const [yaml, json] = await Promise.all([
      brigantine('train', file, ...flags, '--print-config'),
      brigantine('train', '-c', file, ...flags, '--print-config', '--json'),
    ])
    expect(yaml.code).toBe(0)
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
    expect(parse(yaml.stdout)).toMatchObject({
      epochs: 5,
      batchSize: 16,
      shuffle: false,
      optimizer: { type: 'sgd', learningRate: 0.5 },
      clip: { mode: 'globalNorm', maxNorm: 2 },
    })
    expect(existsSync(join(folder, 'runs'))).toBe(false)
  })

  test('of a config from a pipe that is slow to write', async () => {
    const file = write('piped.yaml', 'epochs: 7\nmodel: { layers: [{ type: dense, units: 2 }] }\n')
    const line = `(sleep 0.5; cat ${file}) | '${process.execPath}' '${BIN}' train - --print-config`
    const shown = await promisify(execFile)('sh', ['-c', line], { cwd: folder })
    expect(parse(shown.stdout)).toMatchObject({ epochs: 7 })
  })

  test('what it prints is a config that resolves to itself', async () => {
    const first = await brigantine('train', '--print-config')
    const second = await brigantine('train', write('again.yaml', first.stdout), '--print-config')
    expect(first.stdout).toContain('source: digits')
    expect(second.stdout).toBe(first.stdout)
  })
})

describe('bad input ends with code 2, one message on stderr, and nothing on stdout', () => {
  test.each<[string, string[], string]>([
    ['unknown flag', ['train', '--bacth-size', '3'], 'unknown flag `--bacth-size`; did you mean `--batch-size`?'],
    ['unknown field', ['train', '--set', 'epoch=3'], 'command line: `epoch`: unknown field; did you mean `epochs`?'],
    [
      'wrong value',
      ['train', '--workers', '0'],
      "command line: `workers`: expected 'auto' or an integer from 1 to 256",
    ],
    ['unknown command', ['trian'], "unknown command 'trian'"],
    ['no config', ['train', 'nowhere.yaml'], 'nowhere.yaml: cannot read the config: no such file'],
    ['data without a model', ['train', '--data', 'a.csv'], '`model`: missing; name a config file'],
    ['no checkpoint', ['train', '--resume', 'nowhere'], '--resume: expected a checkpoint or the folder of a run'],
    ['no model', ['evaluate', 'nowhere.brig'], 'nowhere.brig: expected a model or checkpoint file'],
    [
      'row limit',
      ['predict', 'a.brig', '--data', 'digits', '--limit', 'x'],
      "option '--limit <n>' argument 'x' is invalid",
    ],
    [
      'format',
      ['predict', 'a.brig', '--data', 'digits', '--format', 'csw'],
      "option '--format <name>' argument 'csw' is invalid",
    ],
    ['predict without data', ['predict', 'nowhere.brig'], "required option '--data <file>' not specified"],
  ])('%s', async (_name, args, message) => {
    const { code, stdout, stderr } = await brigantine(...args)
    expect(stderr).toContain(`error: ${message}`)
    expect(stderr).not.toMatch(/\n {4}at /)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test('a module that is read as CommonJS is told what to be named', async () => {
    write('package.json', '{ "type": "commonjs" }')
    const { code, stderr } = await brigantine('train', write('commonjs.ts', 'export default { epochs: 3 }'))
    expect(stderr).toContain('error: commonjs.ts: cannot read the config: it is an ES module')
    expect(stderr).toContain('name it .mts or .mjs')
    expect(code).toBe(2)
    const layers = `[{ type: custom, module: ${write('layer.ts', 'export const shapes = 1')} }]`
    const own = await brigantine('plan', write('own.yaml', `data: digits\nmodel: { layers: ${layers} }`))
    expect(own.stderr).toContain('error: layer.ts: the module could not be loaded: it is an ES module')
    expect([own.code, own.stderr]).toEqual([2, expect.stringContaining('name it .mts or .mjs')])
  })

  test('the stack comes when it is asked for', async () => {
    const { code, stderr } = await brigantine('train', '--epochs', '0', '--stack')
    expect(stderr).toMatch(/\n {4}at /)
    expect(code).toBe(2)
  })

  test("of what a layer of one's own throws, its own stack comes too", async () => {
    const module = write(
      'throws.mjs',
      'export const shapes = (output) => ({ output })\nexport function backward() {}\nexport function forward() {\n  throw new RangeError("mine")\n}',
    )
    const layers = `[{ type: custom, module: ${module} }, { type: dense, units: 10 }]`
    const file = write('throws.yaml', `data: digits\nmodel: { layers: ${layers} }`)
    const { code, stderr } = await brigantine('train', file, '--health', 'off', '--stack')
    expect(stderr).toMatch(/TrainingError: .*\n[^]*RangeError: mine\n +at .*throws\.mjs:4/)
    expect(code).toBe(3)
  })

  test('a field of the file is named with line and column', async () => {
    const file = write('wrong.yaml', 'epochs: 1\nmodel:\n  layers:\n    - type: dens\n')
    const { stderr } = await brigantine('train', file)
    expect(stderr).toContain('error: wrong.yaml:4:7: `model.layers[0].type`: expected one of')
    expect(stderr).toContain('did you mean `dense`?')
  })
})

test('plan prints phases, pieces and memory, as text and as JSON', async () => {
  const [text, json] = await Promise.all([brigantine('plan', '--batch-size', '64'), brigantine('plan', '--json')])
  expect([text.code, json.code]).toEqual([0, 0])
  expect(text.stdout).toContain('Step of 64 rows')
  for (const phase of ['rows', 'gradient', 'reduce', 'decide', 'update']) expect(text.stdout).toContain(`\n  ${phase} `)
  const plan = JSON.parse(json.stdout) as { parameters: number; arenaBytes: number; memory: { bytes: number }[] }
  expect(plan.parameters).toBe(17_226)
  expect(plan.memory.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(plan.arenaBytes)
})

test('doctor reports as a table and as JSON', async () => {
  const [text, json] = await Promise.all([brigantine('doctor'), brigantine('doctor', '--json')])
  expect([text.code, json.code]).toEqual([0, 0])
  const findings = JSON.parse(json.stdout) as { name: string; value: string }[]
  expect(findings.find(({ name }) => name === 'Node.js')!.value).toBe(process.versions.node)
  for (const { name } of findings) expect(text.stdout).toContain(name)
})

describe('a run', () => {
  test('tells a program what was seen of its health, and what was done', async () => {
    const { stdout } = await brigantine(
      ...['train', '--epochs', '2', '--out', 'ill', '--lr', '1e-9', '--health', 'repair', '--json'],
      ...['--inject', 'weight@step=17'],
    )
    const { health, actions } = JSON.parse(stdout) as Pick<RunResult, 'health' | 'actions'>
    expect(health).toContainEqual(expect.objectContaining({ code: 'REPLICA_DIVERGENCE', severity: 'fault', step: 17 }))
    expect(actions).toContainEqual(expect.objectContaining({ verdict: 'LR_IMPLAUSIBLE', outcome: 'kept' }))
  })

  const short = ['train', '--epochs', '2', '--out', 'run', '--hash', '--json']

  test('trains, saves, logs; evaluate, predict and --resume go on from it', async () => {
    const trained = await brigantine(...short)
    expect(trained.code).toBe(0)
    // Without a terminal: a plain line per epoch, no control characters.
    expect(trained.stderr).toMatch(/^epoch 1\/2 {2}loss .*\nepoch 2\/2 {2}loss .*\n$/)
    const result = JSON.parse(trained.stdout) as {
      test: { acc: number; loss: number }
      hash: string
      parameters: number
    }
    // 64 x 128 + 128, 128 x 64 + 64, 64 x 10 + 10.
    expect(result.parameters).toBe(8320 + 8256 + 650)
    expect(result.hash).toMatch(/^[0-9a-f]{64}$/)

    const log = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').trimEnd().split('\n')
    const lines = log.map((line) => JSON.parse(line) as { event: string; name?: string; reason?: string })
    expect(lines.map(({ event }) => event)).toEqual(['start', 'kernels', 'epoch', 'epoch', 'end', 'test'])
    const { name, reason } = resolveKernels('auto')
    expect(lines[1]).toMatchObject({ name, reason })
    expect(trained.stdout).toContain(`kernels ${name} (${reason})`)
    expect(readFileSync(join(folder, 'run/report.html'), 'utf8')).toContain('Test: which classes were taken for which')

    const [shown, evaluated, predicted, resumed, config] = await Promise.all([
      brigantine('evaluate', 'run/model.brig'),
      brigantine('evaluate', 'run/model.brig', '--json'),
      brigantine('predict', 'run/model.brig', '--data', 'digits', '--limit', '5', '--json'),
      brigantine('train', '--resume', 'run', '--epochs', '3', '--out', 'more', '--hash', '--json'),
      brigantine('train', 'run/config.yaml', '--print-config', '--json'),
    ])
    const measured = JSON.parse(evaluated.stdout) as { confusion: ConfusionMatrix }
    expect(measured).toMatchObject({ rows: 359, ...result.test })
    const right = measured.confusion.counts.reduce((sum, row, c) => sum + row[c]!, 0)
    expect(right / 359).toBe(result.test.acc)
    expect(shown.stdout).toMatch(/\ntrue \\ predicted +0 +1 .* 9 +recall\n/)
    const rows = predicted.stdout.trimEnd().split('\n')
    expect(rows).toHaveLength(5)
    expect((JSON.parse(rows[0]!) as { probabilities: number[] }).probabilities).toHaveLength(10)
    expect(JSON.parse(config.stdout)).toMatchObject({ epochs: 2, data: { source: 'digits' } })

    expect((JSON.parse(resumed.stdout) as { epochs: number }).epochs).toBe(3)
  })

  test('leaves a config that names the same data from its own folder, and goes on by it', async () => {
    write('pairs.csv', `a,b,class\n${'1,2,up\n3,1,down\n'.repeat(20)}`)
    const flags = ['--layers', '3,2', '--epochs', '1', '--quiet', '--out', 'deep/pairs']
    expect((await brigantine('train', '--data', 'pairs.csv', ...flags)).code).toBe(0)
    expect(readFileSync(join(folder, 'deep/pairs/config.yaml'), 'utf8')).toContain('source: ../../pairs.csv\n')
    const planned = await brigantine('plan', 'deep/pairs/config.yaml')
    expect([planned.code, planned.stderr]).toEqual([0, ''])
    const resumed = await brigantine('train', '--resume', 'deep/pairs', '--epochs', '2', '--quiet')
    expect([resumed.code, resumed.stderr]).toEqual([0, ''])
  })

  test('--resume auto begins where there is no checkpoint, and goes on where there is one', async () => {
    const run = async (...more: string[]) => {
      const { code, stdout, stderr } = await brigantine(
        ...['train', '--epochs', '2', '--schedule', 'constant', '--hash', '--json', ...more],
      )
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')])
      return (JSON.parse(stdout) as { hash: string }).hash
    }
    const auto = ['--out', 'auto', '--resume', 'auto']
    const [whole] = await Promise.all([run('--out', 'at-once'), run(...auto, '--max-steps', '20')])
    const rest = await run(...auto, '--max-steps', '1000')
    expect(rest).toBe(whole)
    expect(readFileSync(join(folder, 'auto/log.jsonl'), 'utf8')).toContain('"resumed":true')
  })

  test('a checkpoint of another run in the folder is refused, unless it is named, or a flag says what differs', async () => {
    const at = (name: string) => join(folder, name)
    const train = (...more: string[]) => brigantine('train', '--quiet', '--max-steps', '20', ...more)
    await Promise.all([train('--out', 'one', '--seed', '1'), train('--out', 'two', '--seed', '2')])
    const own = readFileSync(at('two/last.ckpt'))
    copyFileSync(at('one/last.ckpt'), at('two/last.ckpt'))
    const swapped = await train('--resume', 'two', '--workers', '1')
    expect([swapped.code, swapped.stderr]).toEqual([
      2,
      'error: --resume: expected a checkpoint of the run that two/config.yaml describes, got that of another in ' +
        'two/last.ckpt: `out` is `"two"` (string) there, and `"one"` (string) in the checkpoint. ' +
        "Put the run's own back, or go on as the other one by naming the file: --resume two/last.ckpt\n",
    ])
    expect((await train('--resume', 'two/last.ckpt')).code).toBe(0)

    // The same folder before and after, and another seed: by a flag alone, as any other field.
    await train('--out', 'two', '--seed', '3')
    writeFileSync(at('two/last.ckpt'), own)
    const older = await train('--resume', 'two')
    expect([older.code, older.stderr]).toEqual([2, expect.stringContaining('`seed` is `3` (number) there, and `2`')])
    const changed = await train('--resume', 'two', '--seed', '3', '--epochs', '7', '--lr', '0.1', '--workers', '2')
    expect([changed.code, changed.stderr]).toEqual([0, ''])
    expect((await train('--resume', 'two')).code).toBe(0)
  })

  test('on a streamed file has the bits of one in memory where a window holds all of it, and can be gone on with', async () => {
    const lines = Array.from(
      { length: 1500 },
      (_, i) => `${i % 10},${(i * 7) % 11},${(i % 10) + ((i * 7) % 11) > 9 ? 'large' : 'small'}`,
    )
    write('sums.csv', ['a,b,sum', ...lines].join('\n'))
    const run = (out: string, ...more: string[]) =>
      brigantine(
        'train',
        '--data',
        'sums.csv',
        '--layers',
        '8,2',
        '--epochs',
        '2',
        '--out',
        out,
        '--hash',
        '--json',
        ...more,
      )
    const hash = ({ stdout }: Outcome) => (JSON.parse(stdout) as { hash: string }).hash
    const streaming = ['--data.streaming', '--data.buffer-rows', '320']
    const [whole, all, parts, stopped] = await Promise.all([
      run('whole'),
      run('all', '--data.streaming', '--data.buffer-rows', '2000', '--workers', '2'),
      run('parts', ...streaming),
      run('stopped', ...streaming, '--max-steps', '30'),
    ])
    expect([whole, all, parts, stopped].map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect(hash(all)).toBe(hash(whole))
    expect(hash(parts)).not.toBe(hash(whole))
    const resumed = await brigantine('train', '--resume', 'stopped', '--max-steps', '1000', '--hash', '--json')
    expect(resumed.stderr).not.toContain('rror')
    expect(hash(resumed)).toBe(hash(parts))
    const evaluated = await brigantine('evaluate', 'parts/model.brig', '--json')
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ data: 'sums.csv, train part', rows: 1500 })
    const measure = async (...more: string[]) => {
      const { stdout } = await brigantine('evaluate', 'parts/model.brig', '--data', 'sums.csv', '--json', ...more)
      return JSON.parse(stdout) as { rows: number }
    }
    const inMemory = await measure()
    expect(inMemory.rows).toBe(1500)
    expect(await measure('--streaming')).toEqual(inMemory)
    // Held-out files are streamed too, with the values of the same rows in memory.
    const held = ['--data.validation', 'sums.csv', '--data.test', 'sums.csv']
    const [kept, read] = await Promise.all([
      run('kept', ...held),
      run('read', ...held, '--data.streaming', '--data.buffer-rows', '2000'),
    ])
    const values = ({ stdout }: Outcome) => {
      const { history, test, hash } = JSON.parse(stdout) as Record<string, unknown>
      return { history, test, hash }
    }
    expect(values(read)).toEqual(values(kept))
    const own = await brigantine('evaluate', 'read/model.brig', '--json')
    expect(JSON.parse(own.stdout)).toMatchObject({ data: 'sums.csv, test part', rows: 1500 })
  })

  test('--fast-dev-run saves nothing; --quiet says nothing', async () => {
    const { code, stdout, stderr } = await brigantine('train', '--fast-dev-run', '--quiet', '--out', 'fast')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('test acc')
    expect(existsSync(join(folder, 'fast'))).toBe(false)
  })

  test('an exploding run ends with code 3 and says what to do', async () => {
    const flags = ['--lr', '1e9', '--optimizer', 'sgd', '--clip', 'off', '--schedule', 'constant']
    const { code, stderr } = await brigantine('train', ...flags, '--out', 'explode', '--quiet')
    expect(code).toBe(3)
    expect(stderr).toContain('Lower the learning rate')
  })

  test('Ctrl-C writes a checkpoint and says how to go on; the resumed run has the bits of one that was not stopped', async () => {
    const flags = ['--schedule', 'constant', '--workers', '2']
    const child = spawn(process.execPath, [BIN, 'train', ...flags, '--epochs', '100000', '--out', 'stopped'], {
      cwd: folder,
    })
    const done = new Promise<number | null>((resolve) => child.on('close', resolve))
    let stderr = ''
    child.stderr.on('data', (text: Buffer) => {
      if (stderr === '') child.kill('SIGINT')
      stderr += String(text)
    })
    expect(await done).toBe(130)
    expect(stderr).toContain('A checkpoint was written to stopped/last.ckpt')
    expect(stderr).toContain('Go on with: npx brigantine train --resume stopped')

    const log = readFileSync(join(folder, 'stopped/log.jsonl'), 'utf8')
    const epochs = String(log.split('"event":"epoch"').length + 1)
    const [resumed, straight] = await Promise.all([
      brigantine('train', '--resume', 'stopped', '--epochs', epochs, '--workers', '3', '--hash', '--json'),
      brigantine('train', ...flags, '--epochs', epochs, '--out', 'whole', '--hash', '--json'),
    ])
    const hash = ({ stdout }: Outcome) => (JSON.parse(stdout) as { hash: string }).hash
    expect(hash(resumed)).toMatch(/^[0-9a-f]{64}$/)
    expect(hash(resumed)).toBe(hash(straight))
  })
})
