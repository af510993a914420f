import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'

/**
 * What this process may use of the machine: a container's quota counts, not the size of its host.
 * Control groups are read in both versions: docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/.
 */
export interface Limits {
  /** Logical processors of the machine. */
  readonly processors: number
  /** What the scheduler lets this process run on (os.availableParallelism). */
  readonly available: number
  /** Processors' worth of time per second that the control group allows; undefined when unlimited. */
  readonly cpuQuota?: number | undefined
  /** Processors that the control group pins us to, as it says it: `0-3,8`. */
  readonly cpuset?: string | undefined
  readonly memoryBytes: number
  readonly memoryLimitBytes?: number | undefined
  readonly pidsLimit?: number | undefined
  /** Of addresses (`ulimit -v`), whether memory lies there or not. */
  readonly addressLimitBytes?: number | undefined
}

/** `root` is where the file system begins: another one in tests. */
export function readLimits(root = '/'): Limits {
  const read = (path: string) => readText(join(root, path))
  const v2 = (name: string) => firstOf(cgroupFolders(read('proc/self/cgroup'), ''), name, read)
  const v1 = (controller: string, name: string) =>
    firstOf(cgroupFolders(read('proc/self/cgroup'), controller), name, read)
  return {
    processors: cpus().length,
    available: availableParallelism(),
    cpuQuota: cpuMax(v2('cpu.max')) ?? cpuMaxV1(v1('cpu', 'cpu.cfs_quota_us'), v1('cpu', 'cpu.cfs_period_us')),
    cpuset: (v2('cpuset.cpus.effective') ?? v1('cpuset', 'cpuset.cpus'))?.trim() || undefined,
    memoryBytes: totalmem(),
    memoryLimitBytes: readNumber(v2('memory.max')) ?? readNumber(v1('memory', 'memory.limit_in_bytes')),
    pidsLimit: readNumber(v2('pids.max')) ?? readNumber(v1('pids', 'pids.max')),
    addressLimitBytes: readNumber(/^Max address space\s+(\d+)/m.exec(read('proc/self/limits') ?? '')?.[1]),
  }
}

let read: Limits | undefined

/** Of this process, read once. */
export const ownLimits = (): Limits => (read ??= readLimits())

/** Threads of a process besides its workers', and those that come with each worker. */
const OTHER_THREADS = 16
const THREADS_OF_WORKER = 5

/** Workers that can run at the same time, and that the control group lets a process start: never below 1. */
export function usableWorkers(limits: Limits): number {
  const startable = Math.floor(((limits.pidsLimit ?? Infinity) - OTHER_THREADS) / THREADS_OF_WORKER)
  return Math.max(1, Math.min(usableCores(limits), startable))
}

/** Bytes of memory that this process may use. */
export const usableMemory = ({ memoryBytes, memoryLimitBytes = Infinity }: Limits): number =>
  Math.min(memoryBytes, memoryLimitBytes)

/** Threads that can run at the same time: never below 1. */
export function usableCores(limits: Limits): number {
  return Math.max(1, Math.min(limits.available, Math.floor(limits.cpuQuota ?? Infinity)))
}

/** cgroup v2 `cpu.max`: "200000 100000" is two processors, "max 100000" is no limit. */
export function cpuMax(text: string | undefined): number | undefined {
  const [quota, period = '100000'] = text?.trim().split(/\s+/) ?? []
  const share = Number(quota) / Number(period)
  return share > 0 && Number.isFinite(share) ? share : undefined
}

/** cgroup v1: a quota of -1 is no limit. */
function cpuMaxV1(quota: string | undefined, period: string | undefined): number | undefined {
  return quota && period ? cpuMax(`${quota.trim()} ${period.trim()}`) : undefined
}

/** A byte or process limit; "max" (v2) and numbers near 2^63 (v1) mean none. */
export function readNumber(text: string | undefined): number | undefined {
  const value = Number(text?.trim() || NaN)
  return value > 0 && value < 2 ** 60 ? value : undefined
}

/**
 * Folders to look in, from the process's own group up to the mount's root (in a container the mount often *is* our group).
 * Lines of /proc/self/cgroup: `0::/path` (v2), `4:cpu,cpuacct:/path` (v1).
 */
export function cgroupFolders(text: string | undefined, controller: string): string[] {
  const line = text?.split('\n').find((candidate) => candidate.split(':')[1]?.split(',').includes(controller))
  const group = line?.split(':').slice(2).join(':') ?? '/'
  const mount = join('sys/fs/cgroup', controller)
  const parts = group.split('/').filter((part) => part && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, up) => join(mount, ...parts.slice(0, parts.length - up)))
}

function firstOf(folders: string[], name: string, read: (path: string) => string | undefined): string | undefined {
  for (const folder of folders) {
    const text = read(join(folder, name))
    if (text !== undefined) return text
  }
  return undefined
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
