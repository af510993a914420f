import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findLibraries } from '../../src/native/libraries.ts'
import { cpuMax, readLimits, usableCores, usableMemory, usableWorkers } from '../../src/native/limits.ts'
import { lackOfThreads } from '../../src/native/room.ts'
import { feature, inspectSystem, memory, node, processors, threads } from '../../src/report/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'brigantine-system-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A file system of a few files. */
function root(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true })
    writeFileSync(join(folder, name, path), text)
  }
  return join(folder, name)
}

describe('limits of a container', () => {
  test('control groups version 2, from the own group or the nearest above it', () => {
    const limits = readLimits(
      root('v2', {
        'proc/self/cgroup': '0::/a/b\n',
        'sys/fs/cgroup/a/b/memory.max': '1073741824\n',
        'sys/fs/cgroup/a/b/pids.max': 'max\n',
        'sys/fs/cgroup/a/cpu.max': '150000 100000\n',
        'sys/fs/cgroup/cpuset.cpus.effective': '0-3\n',
      }),
    )
    // 150 ms of processor time each 100 ms are 1.5 processors.
    expect(limits).toMatchObject({ cpuQuota: 1.5, cpuset: '0-3', memoryLimitBytes: 2 ** 30, pidsLimit: undefined })
  })

  test('control groups version 1', () => {
    const limits = readLimits(
      root('v1', {
        'proc/self/cgroup': '4:memory:/\n3:cpu,cpuacct:/\n2:pids:/\n',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        'sys/fs/cgroup/pids/pids.max': '64\n',
      }),
    )
    expect(limits).toMatchObject({ cpuQuota: 2, memoryLimitBytes: undefined, pidsLimit: 64 })
  })

  test('of addresses, as `ulimit -v` sets it', () => {
    const limits = (soft: string) =>
      readLimits(
        root(`v${soft}`, {
          'proc/self/limits': `Max address space         ${soft}           unlimited           bytes\n`,
        }),
      )
    expect(limits('unlimited').addressLimitBytes).toBeUndefined()
    const narrow = limits('4294967296')
    expect(narrow.addressLimitBytes).toBe(2 ** 32)
    expect(memory(narrow).at(-1)).toMatchObject({ name: 'address limit', value: '4.00 GiB', status: 'note' })
  })

  test('no control groups: no limits', () => {
    const { cpuQuota, memoryLimitBytes, pidsLimit } = readLimits(join(folder, 'nothing'))
    expect([cpuQuota, memoryLimitBytes, pidsLimit]).toEqual([undefined, undefined, undefined])
  })

  test('workers: cores, or the threads that may be started', () => {
    const limits = { processors: 64, available: 64, memoryBytes: 2 ** 36 }
    expect(usableWorkers(limits)).toBe(64)
    expect(usableWorkers({ ...limits, cpuQuota: 1.5 })).toBe(1)
    expect(usableWorkers({ ...limits, cpuQuota: 8, pidsLimit: 100 })).toBe(8)
    expect(usableWorkers({ ...limits, pidsLimit: 100 })).toBe(16)
    expect(usableWorkers({ ...limits, pidsLimit: 10 })).toBe(1)
    expect(usableMemory(limits)).toBe(2 ** 36)
    expect(usableMemory({ ...limits, memoryLimitBytes: 2 ** 29 })).toBe(2 ** 29)
  })

  test('room for threads: by the tightest control group above, and by `ulimit -u` for all but root', () => {
    const files = {
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/b/pids.max': 'max\n',
      'sys/fs/cgroup/a/b/pids.current': '11\n',
      'sys/fs/cgroup/a/pids.max': '24\n',
      'sys/fs/cgroup/a/pids.current': '20\n',
      'proc/self/limits': 'Max processes             30                   40                   processes\n',
      'proc/loadavg': '0.35 0.10 0.05 2/331 4711\n',
      // 27 threads of user 7, of which there may be 30.
      'proc/11/status': 'Uid:\t7\t0\t0\t0\nThreads:\t20\n',
      'proc/12/status': 'Uid:\t7\t7\t7\t7\nThreads:\t7\n',
      'proc/13/status': 'Uid:\t0\t7\t7\t7\nThreads:\t300\n',
    }
    const of = root('room', files)
    expect(lackOfThreads(4, of, 0)).toBeUndefined()
    const group = { threads: 4, limit: "the control group's `pids.max`, 24," }
    expect(lackOfThreads(5, of, 0)).toEqual(group)
    expect(lackOfThreads(5, of, 8)).toEqual(group)
    const user = { threads: 3, limit: "the user's limit of processes (`ulimit -u`), 30," }
    expect(lackOfThreads(4, of, 7)).toEqual(user)
    expect(lackOfThreads(3, of, 7)).toBeUndefined()
    // Fewer of all users together than the user may have: nobody is counted.
    const calm = root('calm', { ...files, 'proc/loadavg': '0.35 0.10 0.05 2/26 4711\n' })
    expect(lackOfThreads(4, calm, 7)).toBeUndefined()
    expect(lackOfThreads(4, join(folder, 'nothing'), 7)).toBeUndefined()
  })

  test.each([
    ['max 100000', undefined],
    ['-1 100000', undefined],
    ['50000', 0.5],
    ['', undefined],
  ])('cpu.max %j is %s', (text, cores) => expect(cpuMax(text)).toBe(cores))
})

test('a quota below the cores is what counts, but never less than one', () => {
  const limits = { processors: 8, available: 8, memoryBytes: 2 ** 34 }
  expect(usableCores(limits)).toBe(8)
  expect(usableCores({ ...limits, cpuQuota: 2.5 })).toBe(2)
  expect(usableCores({ ...limits, cpuQuota: 0.5 })).toBe(1)
  expect(processors({ ...limits, cpuQuota: 2.5 }).find(({ name }) => name === 'CPU quota')).toMatchObject({
    value: '2.5 cores',
    status: 'note',
    advice: "more than 2 workers would only be throttled; raise the container's limit (docker --cpus)",
  })
  expect(threads({ ...limits, pidsLimit: 32 })[0]).toMatchObject({ value: '32', status: 'note' })
})

test('an old Node is a problem with advice', () => {
  expect(node('20.20.2')).toMatchObject({ status: 'problem', advice: 'use Node 22.18 or newer (nodejs.org)' })
  expect(node('22.17.0').status).toBe('problem')
  expect(node('22.18.0').status).toBe('ok')
  expect(node('24.0.0').status).toBe('ok')
})

test('a feature that the engine does not have is reported with its advice', () => {
  expect(feature('future', [0, 97, 115, 109, 1, 0, 0, 0, 255], 'wait')).toMatchObject({ value: 'no', advice: 'wait' })
})

test('libraries are found by the start of their name, in the order of preference', () => {
  const place = root('lib', {
    'libblis.so.4': '',
    'libopenblas.so.0': '',
    'libopenblas.a': '',
    'libblas_extra.txt': '',
  })
  expect(findLibraries(['libopenblas', 'libblis'], [place], [])).toEqual([
    join(place, 'libopenblas.so.0'),
    join(place, 'libblis.so.4'),
  ])
})

test('the whole report has each part once, and advice wherever something is not well', () => {
  const findings = inspectSystem()
  expect(findings.map(({ name }) => name)).toEqual([
    'Node.js',
    'cores',
    'CPU quota',
    'cpuset',
    'memory',
    'memory limit',
    'process limit',
    'SIMD',
    'relaxed SIMD',
    'vectors',
    'machine code',
    'native BLAS',
    'MPI',
  ])
  for (const { status, advice } of findings) if (status !== 'ok') expect(advice).not.toBe('')
})
