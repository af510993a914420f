import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Footprint } from './steps.ts'

const script = fileURLToPath(new URL('./steps.ts', import.meta.url))
const streamed = fileURLToPath(new URL('./streamed.ts', import.meta.url))

describe('memory', () => {
  it('after 100,000 small steps is within 5 % of that after 1,000, with as many threads and handles', async () => {
    // What is kept, and not how much room V8 gives to what is young: it grows when a collection happens to find much alive.
    const args = ['--expose-gc', '--max-semi-space-size=1', script, '1000', '100000']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { steps, looks } = JSON.parse(stdout) as { steps: number; looks: [Footprint, Footprint, Footprint] }
    expect(steps).toBe(100_000)
    const [early, late, after] = looks
    expect(early.resident).toBeGreaterThan(2 ** 20)
    expect(late.resident / early.resident).toBeLessThan(1.05)
    expect(after.resident / early.resident).toBeLessThan(1.05)
    expect(late).toMatchObject({ threads: early.threads, handles: early.handles })
  })

  it('does not grow with a stream: 640 MiB go through where 64 do', async () => {
    const train = async (mebibytes: number) => {
      const { stdout } = await promisify(execFile)(process.execPath, [streamed, String(mebibytes)])
      return JSON.parse(stdout) as { steps: number; peak: number }
    }
    const [small, large] = [await train(64), await train(640)]
    expect(large.steps).toBe(2560)
    expect(large.peak - small.peak).toBeLessThan(128 * 2 ** 20)
  })
})
