import { Exit } from './exit.ts'

/**
 * The first Ctrl-C (or SIGTERM) asks the run to end, so that it can write its checkpoint; the second ends the process at once.
 * @param onFirst is told what was caught
 */
export function catchInterrupts(onFirst: (name: NodeJS.Signals) => void): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const handle = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(Exit.interrupted)
    onFirst(name)
    controller.abort()
  }
  process.on('SIGINT', handle).on('SIGTERM', handle)
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', handle).off('SIGTERM', handle)
    },
  }
}
