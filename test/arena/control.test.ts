import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openArena } from '../../src/arena/arena.ts'
import { CONTROL_WORDS, Control, Status } from '../../src/arena/control.ts'
import { AT, MAX_PIECES, close, valueOf } from './phases.ts'
import type { PhasesTask } from './phases.ts'

const memory = () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
const fresh = (): Control => new Control(openArena(memory()).words, 0, 0)

/** Numbers of pieces, many of them 1 or 2, where phases are shortest and races likeliest. */
function somePieces(phases: number, seed: number): number[] {
  let random = seed >>> 0
  return Array.from({ length: phases }, () => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    return random % 3 === 0 ? 1 + ((random >>> 8) % MAX_PIECES) : 1 + ((random >>> 8) % 3)
  })
}

/** Runs all phases on so many threads, once for each seed of delays, and gives the final states; rejects when a thread fails. */
async function runPhases(
  pieces: readonly number[],
  workers: number,
  spins: number,
  delays: readonly number[] = [0],
): Promise<number[]> {
  const shared = memory()
  const { words, floats } = openArena(shared)
  const control = new Control(words, AT.control, 0)
  const threads = Array.from({ length: workers }, (_, worker) => {
    const task: PhasesTask = { memory: shared, pieces, worker, spins }
    return new Worker(new URL('./phases.ts', import.meta.url), { workerData: task })
  })
  // `once` rejects when a thread throws.
  const exits = Promise.all(threads.map((thread) => once(thread, 'exit')))
  const states: number[] = []
  try {
    for (const seed of delays) {
      words[AT.delays] = seed
      floats[AT.state] = 0
      const seen = control.doorbell()
      control.setActive(workers)
      control.open(0, pieces[0]!, true)
      await Promise.race([control.awaitDoorbell(seen, 50_000), exits])
      expect(control.status()).toBe(Status.ended)
      states.push(floats[AT.state]!)
    }
  } finally {
    control.settle(Status.aborted)
  }
  await exits
  return states
}

/** The same by one loop without threads. */
function expectedState(pieces: readonly number[]): number {
  const { words, floats } = openArena(memory())
  pieces.forEach((count, phase) => {
    for (let p = 0; p < count; p++) {
      floats[AT.values + p] = valueOf(floats[AT.state]!, phase, p)
      words[AT.counts + p] = 1
    }
    close(words, floats, count)
  })
  return floats[AT.state]!
}

describe('claims on real threads', () => {
  it.each([
    [1, 0],
    [2, 0],
    [2, 4000],
    [3, 0],
    [4, 200],
  ])(
    'by %i workers with %i spins: over 4,000 phases every piece runs once, nobody is left asleep, the bits are those of one loop',
    async (workers, spins) => {
      const pieces = somePieces(4000, workers)
      expect(await runPhases(pieces, workers, spins)).toEqual([expectedState(pieces)])
    },
  )

  it('give the same bits under 100 schedules of random delays', async () => {
    const pieces = somePieces(150, 9)
    const expected = expectedState(pieces)
    expect(Number.isFinite(expected) && expected !== 0).toBe(true)
    const schedules = Array.from({ length: 100 }, (_, i) => i + 1)
    const states = await runPhases(pieces, 3, 100, schedules)
    expect(states).toEqual(schedules.map(() => expected))
  })
})

describe('claims', () => {
  it('give each piece of a phase once, then nothing, however often they are asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat(5)), { maxLength: 20 }), (phases) => {
        const control = fresh()
        expect(control.claim()).toBe(-1)
        for (const [phase, [count, tooMany]] of phases.entries()) {
          control.open(phase, count)
          const claimed = Array.from({ length: count }, () => control.claim())
          expect(claimed).toEqual(Array.from({ length: count }, (_, i) => i))
          for (let i = 0; i < tooMany; i++) expect(control.claim()).toBe(-1)
          expect(control.phase()).toBe(phase)
          const finished = claimed.map(() => control.finish())
          // The last one, and only the last one, closes the phase.
          expect(finished).toEqual(claimed.map((_, i) => i === count - 1))
        }
      }),
    )
  })

  it('are from the own run of pieces first, then from the others', () => {
    const whose = fc.record({
      workers: fc.integer({ min: 1, max: 70 }),
      count: fc.integer({ min: 1, max: 200 }),
      order: fc.infiniteStream(fc.nat()),
    })
    fc.assert(
      fc.property(whose, ({ workers, count, order }) => {
        const control = fresh()
        control.setActive(workers)
        control.open(1, count)
        const claimed: number[] = []
        for (const random of order) {
          const worker = random % workers
          const piece = control.claim(worker)
          if (piece < 0) break
          const queues = Math.min(workers, count, 64)
          const run = (at: number) => Math.floor((at * count) / queues)
          const home = worker % queues
          const own = Array.from({ length: run(home + 1) - run(home) }, (_, i) => run(home) + i)
          expect(piece).toBe(own.find((one) => !claimed.includes(one)) ?? piece)
          claimed.push(piece)
        }
        expect(claimed.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
        for (let worker = 0; worker < workers; worker++) expect(control.claim(worker)).toBe(-1)
      }),
    )
  })

  it('in a turn are of one worker each, and in the next turn of the next worker', () => {
    const whose = fc.record({
      workers: fc.integer({ min: 1, max: 70 }),
      count: fc.integer({ min: 1, max: 200 }),
      orders: fc.tuple(fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat())),
    })
    fc.assert(
      fc.property(whose, ({ workers, count, orders }) => {
        const control = fresh()
        control.enlist(workers)
        const owners = [0, 1].map((turn) => {
          control.open(1, count, false, turn)
          const owner: number[] = []
          for (const random of orders[turn]!) {
            if (owner.filter((one) => one >= 0).length === count) break
            const worker = random % workers
            const piece = control.claim(worker)
            if (piece < 0) continue
            expect(owner[piece]).toBeUndefined()
            owner[piece] = worker
          }
          for (let worker = 0; worker < workers; worker++) expect(control.claim(worker)).toBe(-1)
          return owner
        })
        const most = Math.min(workers, 64)
        expect(owners[1]).toEqual(owners[0]!.map((worker) => (worker + 1) % most))
        // Nothing is left over for a phase that is open to all.
        control.open(2, 3)
        expect([control.claim(), control.claim(), control.claim(), control.claim()]).toEqual([0, 1, 2, -1])
      }),
      { numRuns: 50 },
    )
  })

  it('stop when the run is settled, and go on when the next phase is opened', () => {
    const control = fresh()
    control.open(1, 5)
    expect(control.claim()).toBe(0)
    control.settle(Status.gated)
    expect([control.status(), control.claim()]).toEqual([Status.gated, -1])
    control.open(2, 1, true)
    expect([control.status(), control.claim(), control.claim()]).toEqual([Status.running, 0, -1])
  })

  it('are over for good once the run is aborted, though a worker opens the next phase or gates the run after it', () => {
    const control = fresh()
    control.open(1, 1)
    expect(control.claim()).toBe(0)
    control.settle(Status.aborted)
    expect(control.finish()).toBe(true)
    control.open(2, 3)
    expect([control.status(), control.claim()]).toEqual([Status.aborted, -1])
    control.settle(Status.gated)
    expect(control.status()).toBe(Status.aborted)
  })
})

describe('the control words', () => {
  it('change their sequence with each phase and settlement, so that nobody sleeps through one', () => {
    const control = fresh()
    const seen = [control.sequence()]
    control.open(1, 2)
    seen.push(control.sequence())
    control.settle(Status.gated)
    seen.push(control.sequence())
    control.open(1, 2)
    seen.push(control.sequence())
    expect(new Set(seen).size).toBe(4)
    // With an old sequence nobody sleeps: this would never return.
    control.awaitChange(seen[0]!)
  })

  it('lie within their words, and leave what is behind alone', () => {
    const { words } = openArena(memory())
    words.fill(77, 16 + CONTROL_WORDS)
    const control = new Control(words, 16, 0)
    control.open(1, 2)
    control.claim()
    control.finish()
    control.requestStop()
    control.publishRecord()
    control.releaseRecords(1)
    control.settle(Status.aborted)
    expect(words.subarray(0, 16).every((word) => word === 0)).toBe(true)
    expect(words.subarray(16 + CONTROL_WORDS).every((word) => word === 77)).toBe(true)
  })
})

describe('records', () => {
  it('are counted as written and taken, also past 2^31 and 2^32', () => {
    const { words } = openArena(memory())
    const control = new Control(words, 0, 0)
    for (const start of [0, 2 ** 31 - 2, 2 ** 32 - 2]) {
      while (control.recordsWritten() !== start) {
        const step = Math.min(start - control.recordsWritten(), 2 ** 30)
        // Both counters by as much: nothing is waiting.
        words[50]! += step
        control.releaseRecords(step)
      }
      for (let i = 1; i <= 4; i++) {
        control.publishRecord()
        expect(control.recordsWaiting()).toBe(i)
      }
      expect(control.recordsWritten()).toBe((start + 4) % 2 ** 32)
      control.releaseRecords(4)
      expect(control.recordsWaiting()).toBe(0)
    }
  })
})

describe('the doorbell', () => {
  it('wakes who waits, and does not let wait who comes late', async () => {
    const control = fresh()
    const seen = control.doorbell()
    const waiting = control.awaitDoorbell(seen, 60_000)
    control.ring()
    await waiting
    await control.awaitDoorbell(seen, 60_000)
    expect(control.doorbell()).not.toBe(seen)
  })

  it('is rung when the run is settled', async () => {
    const control = fresh()
    const waiting = control.awaitDoorbell(control.doorbell(), 60_000)
    control.settle(Status.ended)
    await waiting
    expect(control.status()).toBe(Status.ended)
  })

  it('lets go after its time', async () => {
    const control = fresh()
    await control.awaitDoorbell(control.doorbell(), 1)
    expect(control.stopRequested()).toBe(false)
    control.requestStop()
    expect(control.stopRequested()).toBe(true)
  })
})

describe('who waits for summons', () => {
  it('sleeps through the gates that others shut, and is woken by the first summons', async () => {
    const shared = memory()
    const control = new Control(openArena(shared).words, 0, 0)
    const thread = new Worker(new URL('./summoned.ts', import.meta.url), { workerData: shared })
    expect(await once(thread, 'message')).toEqual(['waits'])
    const woken = once(thread, 'message')
    for (let i = 0; i < 500; i++) {
      control.settle(Status.gated)
      await new Promise((resolve) => setImmediate(resolve))
    }
    control.summon(3)
    expect(await woken).toEqual([Status.running])
    await once(thread, 'exit')
  })
})
