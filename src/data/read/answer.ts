/** Files that give no answer, as on a network file system that is gone: nobody waits for them for ever. */
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import { DEFAULT_TIMEOUT_SECONDS } from '../config.ts'

/** What was asked of the system may still hang when this is thrown: a process that wants to end has to do so by force. */
export class SourceHangs extends UserError {
  override name = 'SourceHangs'
}

/** Into so many parts a wait is cut: time in which the process itself stood still is counted as one part at most. */
const TICKS = 10

/** What `waiting` gives. @throws SourceHangs when it has given nothing for `seconds` in which this process ran */
export async function answered<T>(
  file: string,
  waiting: Promise<T>,
  seconds: number = DEFAULT_TIMEOUT_SECONDS,
): Promise<T> {
  const over = new AbortController()
  const late = ticks((1000 * seconds) / TICKS, over.signal).then(() => {
    throw new SourceHangs(
      `Expected an answer from ${file} within ${seconds} s, got none: the disk or network it lies on hangs. See whether it is ` +
        'mounted and can be reached; where it is only slow, raise data.timeoutSeconds',
    )
  })
  try {
    return await Promise.race([waiting, late])
  } finally {
    waiting.catch(() => {})
    late.catch(() => {})
    over.abort()
  }
}

/** A process that was suspended finds its timer due before the answer that lies ready: only the tick after would tell. */
async function ticks(millis: number, signal: AbortSignal): Promise<void> {
  for (let i = 0; i < TICKS; i++) await setTimeout(millis, undefined, { signal })
}

/** The chunks of a stream, each in time. @throws SourceHangs */
export async function* answeredChunks(file: string, stream: Readable, seconds?: number): AsyncGenerator<Buffer> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let hangs = false
  try {
    for (;;) {
      const next = await answered(file, chunks.next(), seconds)
      if (next.done) return
      yield next.value
    }
  } catch (error) {
    hangs = error instanceof SourceHangs
    throw error
  } finally {
    const closed = stream.closed
      ? undefined
      : once(
          stream.on('error', () => {}),
          'close',
        )
    stream.destroy()
    // What hangs would be waited for in vain.
    if (hangs) closed?.catch(() => {})
    else await closed?.catch(() => {})
  }
}
