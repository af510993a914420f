import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('./steps.ts', import.meta.url))

describe('memory', () => {
  it('after 100,000 small steps is within 5 % of that after 1,000', async () => {
    const args = ['--expose-gc', script, '1000', '100000']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { steps, sizes } = JSON.parse(stdout) as { steps: number; sizes: [number, number] }
    expect(steps).toBe(100_000)
    const [early, late] = sizes
    expect(early).toBeGreaterThan(2 ** 20)
    expect(late / early).toBeLessThan(1.05)
  })
})
