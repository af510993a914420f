/** Data that never comes: told within bounded time, by its name, and the process ends. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { answered, answeredChunks, SourceHangs } from '../../src/data/read/answer.ts'
import { loadKoffi } from '../../src/native/koffi.ts'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-hang-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a stream that gives something and then nothing more is given up, with what to do', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const stream = createReadStream(pipe, { flags: 'r+' })
  await once(stream, 'open')
  writeFileSync(pipe, 'a,b\n1,2\n', { flag: 'r+' })
  const read: string[] = []
  const reading = async () => {
    for await (const chunk of answeredChunks('x.csv', stream, 0.3)) read.push(chunk.toString())
  }
  const error: unknown = await reading().catch((e: unknown) => e)
  // The thread of the pool that waits in the read must not keep the tests.
  writeFileSync(pipe, 'the end', { flag: 'r+' })
  expect(error).toBeInstanceOf(SourceHangs)
  expect((error as Error).message).toMatch(
    /Expected an answer from x\.csv within 0\.3 s, got none: the disk or network it lies on hangs\. See whether it is mounted/,
  )
  expect(read).toEqual(['a,b\n1,2\n'])
})

it('a process that stood still for longer than that still takes the answer', async () => {
  const path = join(folder, 'there.txt')
  writeFileSync(path, 'there')
  const reading = answered(path, readFile(path, 'utf8'), 0.2)
  const until = performance.now() + 500
  while (performance.now() < until);
  expect(await reading).toBe('there')
})

/** A file system whose server never answers, as that of a machine that is gone. @returns how to remove it, or why there is none */
function deadFileSystem(at: string): { remove: () => void } | { reason: string } {
  try {
    const libc = loadKoffi().load('libc.so.6')
    const mount = libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)')
    const umount = libc.func('int umount2(const char*, int)')
    const server = openSync('/dev/fuse', 'r+')
    const options = `fd=${server},rootmode=40000,user_id=0,group_id=0`
    if (mount('dead', at, 'fuse', 0, options) !== 0) {
      closeSync(server)
      return { reason: 'no file system can be mounted here' }
    }
    // Whoever still waits gets an error when the server is gone.
    return { remove: () => (closeSync(server), void umount(at, 2)) }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

const mounted = mkdtempSync(join(tmpdir(), 'brigantine-dead-'))
const dead = deadFileSystem(mounted)
afterAll(() => {
  if ('remove' in dead) dead.remove()
  rmSync(mounted, { recursive: true, force: true })
})

describe.runIf('remove' in dead)(
  `a file system that does not answer${'reason' in dead ? ` (skipped: ${dead.reason})` : ''}`,
  () => {
    it.each(['x.csv', 'images'])('ends the command in time, with exit code 2 and the name of %s', async (name) => {
      const flags = ['--data', join(mounted, name), '--data.timeout-seconds', '0.5', '--layers', '2', '--epochs', '1']
      const child = spawn(process.execPath, [BIN, 'train', ...flags, '--out', join(folder, 'run')])
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      const ended = await new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })))
      clearTimeout(timer)
      expect(said).toContain(`Expected an answer from ${join(mounted, name)} within 0.5 s, got none`)
      expect(ended).toEqual({ code: 2, signal: null })
    })
  },
)
