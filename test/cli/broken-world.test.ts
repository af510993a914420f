/** The command line where the world around it is broken: what is said, the exit code, and that nothing is lost. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'

const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'brigantine-broken-'))
// Each starts the command several times.
vi.setConfig({ testTimeout: 300_000 })
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a line of shell in the folder; `$B` is the command. */
function shell(line: string, env: Readonly<Record<string, string>> = {}): Ended {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], {
    cwd: folder,
    env: { ...process.env, ...env, B: `${process.execPath} ${bin}` },
    encoding: 'utf8',
    timeout: 250_000,
  })
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m)
  return { code: status, stdout, stderr }
}

const TRAIN = '$B train --workers 1 --epochs 2'

// By `ulimit`: Windows has no such limit.
it.skipIf(process.platform === 'win32')('a limit on the size of files is named, and how to raise it', () => {
  const { code, stderr } = shell(`ulimit -f 40; ${TRAIN} --quiet --out narrow`)
  expect(stderr).toMatch(
    /error: narrow\/(best|last)\.ckpt: could not be written \(EFBIG\)\. Files may not be as large here: raise the limit \(`ulimit -f`\)\./,
  )
  expect(code).toBe(2)
})

// Only Linux and the BSDs have a device that is always full.
describe.skipIf(!existsSync('/dev/full'))('a disk that is full for', () => {
  it('the results is an error, and the model is saved', () => {
    const { code, stderr } = shell(`${TRAIN} --quiet --out results > /dev/full`)
    expect(stderr).toBe('error: stdout: could not be written (ENOSPC). The disk is full: free some room.\n')
    expect(code).toBe(2)
    expect(existsSync(join(folder, 'results/model.brig'))).toBe(true)
  })

  it('the progress costs nothing', () => {
    const { code, stdout } = shell(`${TRAIN} --out progress 2> /dev/full`)
    expect(code).toBe(0)
    expect(stdout).toContain('saved      progress/model.brig')
  })
})

// By a POSIX shell: Windows has none of its own.
describe.skipIf(process.platform === 'win32')('output that nobody reads', () => {
  it('is no error: a reader that has seen enough, closed stdout, closed stderr', () => {
    for (const out of ['| head -1', '>&-', '2>&-'])
      expect(shell(`set -o pipefail; ${TRAIN} --quiet --out closed ${out}`).code).toBe(0)
    expect(existsSync(join(folder, 'closed/model.brig'))).toBe(true)
  })

  it('needs no terminal of any width, no home and no locale', () => {
    const { code, stdout } = shell(`unset HOME; ${TRAIN} --out bare`, { COLUMNS: '1', LC_ALL: 'xx_XX', LANG: '' })
    expect(code).toBe(0)
    expect(stdout).toContain('saved      bare/model.brig')
  })
})

describe('a config', () => {
  // By a POSIX shell: Windows has none of its own.
  it.skipIf(process.platform === 'win32')('may come from a pipe', () => {
    const { code, stdout } = shell(
      `echo '{ model: { layers: [{ type: dense, units: 10 }] }, data: digits }' | $B train - --print-config`,
    )
    expect(code).toBe(0)
    expect(stdout).toContain('units: 10')
  })

  // By Bash, which hands a pipe as /dev/fd/63: Windows has none of its own.
  it.skipIf(process.platform === 'win32')(
    'may be the output of a command, with paths meant from the working folder',
    () => {
      writeFileSync(join(folder, 'piped.csv'), 'a,b\n1,0\n2,1\n3,0\n4,1\n')
      const config = '{ model: { layers: [{ type: dense, units: 2 }] }, epochs: 1, data: piped.csv, out: piped }'
      const { code, stdout, stderr } = shell(`bash -c "$B train <(echo '${config}') --quiet"`)
      expect(stderr).toBe('')
      expect(code).toBe(0)
      expect(stdout).toContain('piped.csv')
    },
  )

  it('may begin with a byte order mark and have lines of Windows', () => {
    writeFileSync(
      join(folder, 'bom.yaml'),
      '\uFEFFepochs: 3\r\nmodel:\r\n  layers:\r\n    - { type: dense, units: 10 }\r\n',
    )
    const { code, stdout } = shell('$B train bom.yaml --print-config')
    expect(code).toBe(0)
    expect(stdout).toContain('epochs: 3')
  })

  it('in another encoding is refused with its name', () => {
    writeFileSync(join(folder, 'wide.yaml'), Buffer.from('\uFEFFepochs: 3\n', 'utf16le'))
    const { code, stderr } = shell('$B train wide.yaml')
    expect(stderr).toBe(
      'error: wide.yaml: expected text in UTF-8, got another encoding, such as UTF-16. Save it as UTF-8.\n',
    )
    expect(code).toBe(2)
  })
})

// By a POSIX shell: Windows has none of its own.
describe.skipIf(process.platform === 'win32')('a dataset', () => {
  it('that is a pipe or a device is refused before anything is awaited of it', () => {
    const { code, stderr } = shell('mkfifo rows.csv; $B train --data rows.csv --layers 2')
    expect(stderr).toBe(
      'error: Expected a data file at rows.csv, got a pipe, socket or device. Copy what it gives into a file\n',
    )
    expect(code).toBe(2)
    expect(shell('$B train --data /dev/zero --layers 2').stderr).toMatch(/got a pipe, socket or device/)
  })

  it('that is cut short while it streams ends the training with its line, and a checkpoint to go on from', () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `${(i % 17) / 17},${(i % 5) / 5},${i % 2}\n`)
    writeFileSync(join(folder, 'long.csv'), `a,b,y\n${lines.join('')}`)
    const stream =
      '--data long.csv --data.target y --data.streaming --data.buffer-rows 2000 --layers 2 --workers 1 --quiet'
    const { code, stderr } = shell(
      `$B train ${stream} --epochs 1000000 --out cut & run=$!
       while [ ! -e cut/last.ckpt ]; do sleep 0.05; done
       cp long.csv whole.csv; truncate -s 100003 long.csv; wait $run; code=$?; cp whole.csv long.csv; exit $code`,
    )
    expect(stderr).toMatch(/^error: Expected .* in line \d+\..* The \d+ steps before are kept/m)
    expect(code).toBe(2)
    const epochs = readFileSync(join(folder, 'cut/log.jsonl'), 'utf8').split('"event":"epoch"').length
    expect(shell(`$B train ${stream} --epochs ${epochs} --resume cut`).code).toBe(0)
  })
})

// What `ulimit` holds a process to differs from system to system.
describe.skipIf(process.platform !== 'linux')('a system that refuses', () => {
  it('threads, for want of files: the first refusal ends the run, with the limit', () => {
    const ended = [24, 26, 28, 30].map((files) => shell(`ulimit -n ${files}; ${TRAIN} --quiet --out few`))
    const refused = ended.filter(({ code }) => code === 2)
    expect(refused.length).toBeGreaterThan(0)
    for (const { stderr } of refused) {
      expect(stderr).toMatch(
        /^error: Expected to start 1 worker thread, but the system refused one \(.*EMFILE\).*`ulimit -n`.*lower `workers`/m,
      )
    }
    // With a few more it works; Node itself may need more than there are.
    expect(ended.map(({ code }) => code)).not.toContain(13)
  })

  it('files beyond a size: the checkpoint says so, and what happened after it is told behind it', () => {
    const { code, stderr } = shell(`ulimit -f 10; ${TRAIN} --quiet --out small`)
    expect(stderr).toMatch(/error: small\/best\.ckpt: could not be written \(EFBIG\)\./)
    expect(stderr).toMatch(/\nThen: small\/last\.ckpt: could not be written \(EFBIG\)\./)
    expect(code).toBe(2)
  })
})
