/** Waiting for rows of a stream, which may fail to come: for so long as they may, and no longer than somebody wants them. */
import type { StallWatch } from '../crew/stall.ts'
import type { Window, WindowReader } from '../data/stream.ts'
import { UserError } from '../errors.ts'

const TICK_MILLIS = 100

/**
 * @returns undefined where `stopped` says so first
 * @throws UserError for a stream that gives nothing for `watch`'s time
 */
export async function nextWindow(
  pending: Promise<Window>,
  reader: WindowReader,
  watch: StallWatch,
  stopped: () => boolean,
): Promise<Window | undefined> {
  watch.rest()
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const tick = new Promise<void>((resolve) => (timer = setTimeout(resolve, TICK_MILLIS)))
    const window = await Promise.race([pending, tick]).finally(() => clearTimeout(timer))
    if (window) return window
    if (stopped()) return undefined
    if (!watch.isStuck(String(reader.chunks), true)) continue
    throw new UserError(
      `Expected more rows of ${reader.what}, but the stream gave none for ${Math.round(watch.quietSeconds)} s ` +
        `${reader.place}. Look at what it waits for; where so long is usual, raise \`recovery.stallSeconds\`.`,
    )
  }
}

/** @throws UserError naming what is wrong with the size of a buffer */
export function checkBuffer(options: Readonly<Record<string, number | undefined>>, use: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === Infinity || (Number.isSafeInteger(value) && value >= 1)) continue
    throw new UserError(
      `Expected \`${name}\` of an integer >= 1 to ${use} from a stream, got \`${String(value)}\`. Leave it out for the default.`,
    )
  }
}

/** A message about a window's rows, which says where they are in the stream. */
export function prepared<T>({ data, start, epoch }: Window, prepare: (rows: Window['data']) => T): T {
  try {
    return prepare(data)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`${error.message} (Row 0 is row ${start} of epoch ${epoch} of the stream.)`, { cause: error })
  }
}
