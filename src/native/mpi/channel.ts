/** How a rank talks to MPICH's launcher, or to Slurm's for MPICH: over a socket that the launcher opened before it started it. */
import { fstatSync } from 'node:fs'

/** Why this process cannot reach the launcher that started it; `undefined` where it can, or needs none. */
export function lostChannel(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const descriptor = env.PMI_FD
  if (descriptor === undefined || isSocket(Number(descriptor))) return undefined
  return (
    `the socket that its launcher left it (descriptor ${descriptor}, PMI_FD) is closed: npx and npm close what they do ` +
    'not know. Start the program itself: `node_modules/.bin/brigantine` instead of `npx brigantine`'
  )
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket()
  } catch {
    return false
  }
}
