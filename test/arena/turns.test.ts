import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { copyInSlices, inSlices } from '../../src/arena/turns.ts'

it('works on each element once, in order', async () => {
  const lengths = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 300 }))
  await fc.assert(
    fc.asyncProperty(lengths, async ([length, slice]) => {
      const seen: number[] = []
      await inSlices(length, (start, end) => void seen.push(...range(start, end)), slice)
      expect(seen).toEqual(range(0, length))
    }),
  )
})

it('copies to its place, and nothing beside it', async () => {
  const target = new Float32Array(200_002)
  const values = Float32Array.from({ length: 200_000 }, (_, i) => i + 1)
  await copyInSlices(target, 1, values)
  expect([target[0], target.at(-1)]).toEqual([0, 0])
  expect(Buffer.from(target.buffer, 4, 800_000).equals(Buffer.from(values.buffer))).toBe(true)
})

it('lets others have their turn while it works', async () => {
  let turns = 0
  let over = false
  const others = (async () => {
    for (; !over; turns++) await setImmediate()
  })()
  const until = (end: number) => {
    while (performance.now() < end);
  }
  // Ten milliseconds in all.
  await inSlices(10, () => until(performance.now() + 1), 1)
  expect(turns).toBeGreaterThan(5)
  over = true
  await others
})

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i)
