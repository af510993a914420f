import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Crew } from '../../src/crew/crew.ts'
import { hashes } from './cases.ts'
import { canDelay, makeHosts, whyNoHosts } from './hosts.ts'
import type { Hosts } from './hosts.ts'
import { launch, launchers, whyNone } from './launch.ts'

const why = launchers.length > 0 ? whyNoHosts() : undefined
const skipped = why ? ` (skipped: ${why})` : whyNone
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

  const links = [
    [
      'of 200 Mbit/s that drops what waits longer than 5 ms',
      ['tbf', 'rate', '200mbit', 'burst', '16kb', 'latency', '5ms'],
    ],
    ['that is 2 ms long and loses 1 % of its packets', ['netem', 'delay', '2ms', 'loss', '1%']],
  ] as const

  test.for(
    launchers.flatMap((launcher) => links.map(([what, words]) => [launcher.name, what, launcher, words] as const)),
  )('%s over a link %s: the bits of one process', async ([, , launcher, words], { skip }) => {
    if (words[0] === 'netem' && !canDelay(hosts)) skip('this kernel has no netem')
    hosts.shape(...words)
    const before = hosts.moved()
    const { code, stdout, stderr } = await launch(hosts.launcher(launcher), 2, [trains, '1'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const said = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[])
    expect(said).toEqual([expected, expected])
    // Gradients and weights went over the link, not through memory that both happen to share here.
    expect(hosts.moved() - before).toBeGreaterThan(1e6)
  })
})
