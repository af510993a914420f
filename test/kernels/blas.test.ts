import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { probeBlas } from '../../src/kernels/blas.ts'
import { kernelAvailability, resolveKernels } from '../../src/kernels/select.ts'

const availability = kernelAvailability('blas')
const why = availability.available ? '' : ` (${availability.reason})`

test.skipIf(!availability.available)(`products of several threads at a time have their bits${why}`, async () => {
  const choice = resolveKernels('blas')
  const threads = [1, 2, 3, 4].map(
    (seed) => new Worker(new URL('overlap-worker.ts', import.meta.url), { workerData: { choice, seed } }),
  )
  const answers = await Promise.all(threads.map((thread) => once(thread, 'message')))
  expect(answers.flat()).toEqual([0, 0, 0, 0])
})

const oneThread = '/usr/lib/x86_64-linux-gnu/openblas-serial/libopenblas.so.0'
const missing = existsSync(oneThread) ? '' : ` (${oneThread} is not there)`

test.skipIf(missing !== '')(`a build whose calls must not overlap is refused${missing}`, () => {
  const answer = probeBlas(oneThread)
  expect(answer).toMatchObject({ available: false, reason: expect.stringMatching(/one thread.*libopenblas0-pthread/) })
})
