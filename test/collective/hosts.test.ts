import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Crew } from '../../src/crew/crew.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { hashes } from './cases.ts'
import { canDelay, makeHosts, whyNoHosts } from './hosts.ts'
import type { Hosts } from './hosts.ts'
import { launch, launchers, whyNone } from './launch.ts'

const why = launchers.length > 0 ? whyNoHosts() : undefined
const skipped = why ? ` (skipped: ${why})` : whyNone
const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const trains = fileURLToPath(new URL('trains.ts', import.meta.url))

describe.runIf(launchers.length > 0 && !why)(`ranks on hosts of their own${skipped}`, { timeout: 200_000 }, () => {
  let hosts: Hosts
  let expected: string[]
  beforeAll(async () => {
    hosts = makeHosts('t')
    const crew = new Crew(2)
    expected = await hashes(crew)
    await crew.close()
  })
  afterAll(() => hosts.remove())

  const slow = ['tbf', 'rate', '200mbit', 'burst', '16kb', 'latency', '5ms']
  const long = ['netem', 'delay', '2ms', 'loss', '1%']

  test.for(
    launchers.flatMap((launcher) => [
      [launcher.name, 'of 200 Mbit/s that drops what waits longer than 5 ms', launcher, slow, undefined] as const,
      [
        launcher.name,
        'that is 2 ms long and loses 1 % of its packets',
        launcher,
        long,
        { delay: 2, loss: 0.01 },
      ] as const,
    ]),
  )('%s over a link %s: the bits of one process', async ([, , launcher, words, cable], { skip }) => {
    const isBeyondTc = cable && !canDelay(hosts)
    if (isBeyondTc && !existsSync('/dev/net/tun')) skip('this kernel has neither netem nor TAP devices')
    const own = isBeyondTc ? makeHosts('l', cable) : undefined
    const on = own ?? hosts
    try {
      if (!own) on.shape(...words)
      const before = on.moved()
      const { code, stdout, stderr } = await launch(on.launcher(launcher), 2, [trains, '1'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const said = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string[])
      expect(said).toEqual([expected, expected])
      // Gradients and weights went over the link, not through memory that both happen to share here.
      expect(on.moved() - before).toBeGreaterThan(1e6)
    } finally {
      own?.remove()
    }
  })

  test.for(launchers.slice(0, 1).map((launcher) => [launcher.name, launcher] as const))(
    '%s over a link that is cut: the ranks of both hosts end in bounded time, naming the host that is silent',
    async ([, launcher]) => {
      const own = makeHosts('c')
      const out = mkdtempSync(join(tmpdir(), 'brigantine-cut-'))
      try {
        const { command, flags } = own.launcher(launcher)
        const args = [bin, 'train', '--shards', '2', '--workers', '1', '--epochs', '100000', '--out', out]
        args.push('--recovery.stall-seconds', '2')
        const child = spawn(command, [...flags, '-n', '2', process.execPath, ...args])
        let said = ''
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)))
        while (!existsSync(join(out, 'last.ckpt'))) await sleep(50)
        own.cut()
        const since = performance.now()
        // The launcher itself may wait for its other half for longer.
        while (own.running().some((line) => line.includes('cli/bin.ts') && line.startsWith(process.execPath))) {
          expect(performance.now() - since).toBeLessThan(60_000)
          await sleep(200)
        }
        expect(said).toMatch(new RegExp(`got nothing for \\d+ s from rank 1 \\(${own.names[1]}\\)`))
        await using trainer = await Trainer.load(join(out, 'last.ckpt'))
        expect(trainer.resumable).toBe(true)
      } finally {
        own.remove()
        rmSync(out, { recursive: true, force: true })
      }
    },
  )
})
