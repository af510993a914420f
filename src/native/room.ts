/**
 * Threads that may still be started, where the system says so: by a control group's `pids.max`, and by the user's `ulimit -u`,
 * which does not hold for root. Both count the threads of all processes, of the group or of the user.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cgroupFolders, readNumber, readText } from './limits.ts'

export interface Room {
  readonly threads: number
  /** Which limit leaves no more: a phrase for a message. */
  readonly limit: string
}

/**
 * @param root where the file system begins: another one in tests
 * @returns nothing where there is room for so many, or where nobody says how much there is
 */
export function lackOfThreads(wanted: number, root = '/', uid = process.getuid?.()): Room | undefined {
  if (wanted <= 0) return undefined
  const read = (path: string) => readText(join(root, path))
  const rooms = [...roomsOfGroups(read), ...(uid === undefined || uid === 0 ? [] : roomOfUser(wanted, uid, root, read))]
  return rooms.filter(({ threads }) => threads < wanted).sort((a, b) => a.threads - b.threads)[0]
}

type Read = (path: string) => string | undefined

function roomsOfGroups(read: Read): Room[] {
  const own = read('proc/self/cgroup')
  return [...cgroupFolders(own, ''), ...cgroupFolders(own, 'pids')].flatMap((folder) => {
    const max = readNumber(read(join(folder, 'pids.max')))
    const current = readNumber(read(join(folder, 'pids.current')))
    if (max === undefined || current === undefined) return []
    return [{ threads: Math.max(0, max - current), limit: `the control group's \`pids.max\`, ${max},` }]
  })
}

function roomOfUser(wanted: number, uid: number, root: string, read: Read): Room[] {
  const max = readNumber(/^Max processes\s+(\d+)/m.exec(read('proc/self/limits') ?? '')?.[1])
  if (max === undefined) return []
  // Those of all users are counted already: `0.35 0.10 0.05 2/331 4711`. Mostly there is room for them all.
  const everybody = readNumber(/\/(\d+)/.exec(read('proc/loadavg') ?? '')?.[1]) ?? Infinity
  if (max - everybody >= wanted) return []
  const used = readdirSync(join(root, 'proc'))
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(`proc/${name}/status`) ?? '')
    .filter((status) => Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === uid)
    .reduce((sum, status) => sum + Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0), 0)
  return [{ threads: Math.max(0, max - used), limit: `the user's limit of processes (\`ulimit -u\`), ${max},` }]
}
