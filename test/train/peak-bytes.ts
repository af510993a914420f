import { readFileSync } from 'node:fs'

/** The most memory that was resident. What Node tells of a process begins with what its parent held when it was started. */
export function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
}
