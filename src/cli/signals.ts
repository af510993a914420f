import { endByForce, Exit } from './exit.ts'

/** Ctrl-C, a scheduler's or container's request to end, and a terminal that closes (which `nohup` cannot keep from Node). */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** One press may come twice, from the terminal and through npm; one closed terminal, from it and from its shell. */
const ECHO_MILLIS = 250

/**
 * The first of them asks the run to end, so that it can write its checkpoint; the second ends the process at once.
 * @param onFirst is told what was caught
 */
export function catchInterrupts(onFirst: (name: NodeJS.Signals) => void): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  let first = Infinity
  const handle = (name: NodeJS.Signals) => {
    if (performance.now() - first > ECHO_MILLIS) endByForce(Exit.interrupted)
    if (controller.signal.aborted) return
    first = performance.now()
    onFirst(name)
    controller.abort()
  }
  for (const name of INTERRUPTS) process.on(name, handle)
  return {
    signal: controller.signal,
    release: () => {
      // The process ends now; a press that comes again must not end it with another code.
      if (controller.signal.aborted) return
      for (const name of INTERRUPTS) process.off(name, handle)
    },
  }
}
