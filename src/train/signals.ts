/**
 * What a run measured, step by step and layer by layer, in bounded memory: at most 1,024 frames, each of as many steps
 * as needed. When they are full, neighbours become one, and a frame stands for twice as many steps. Each keeps least,
 * mean and greatest. What is not finite stays to be seen, as +Infinity.
 *
 * On disk: "BRIGSIG1", the length of a JSON header (uint32, little-endian), the header, then the measured frames of
 * each column: means, least and greatest (float32), counts (uint32).
 */
import { UserError } from '../errors.ts'

export const MAX_FRAMES = 1024
const MAGIC = 'BRIGSIG1'
const MAX_HEADER = 2 ** 24

interface Column {
  readonly rows: number
  /** All rows x frames: of the `count` finite values. */
  readonly mean: Float32Array<ArrayBuffer>
  readonly low: Float32Array<ArrayBuffer>
  readonly high: Float32Array<ArrayBuffer>
  readonly count: Uint32Array<ArrayBuffer>
}

/** A series for a chart: one entry per frame that has something. `x` is the frame's first step. */
export interface SignalSeries {
  readonly x: Float64Array
  readonly y: Float32Array
  readonly low: Float32Array
  readonly high: Float32Array
}

export class SignalLog {
  /** Steps a frame stands for. */
  stride = 1
  /** One more than the last step told of. */
  steps = 0
  /** Names of the rows of profiles: the layers that have weights. */
  layers: readonly string[] = []
  readonly #columns = new Map<string, Column>()
  readonly #profiles = new Set<string>()

  /** Names the rows of profiles; where these are other layers than before, the profiles begin anew. */
  setLayers(layers: readonly string[]): void {
    if (this.layers.join('\n') !== layers.join('\n')) for (const name of this.#profiles) this.#columns.delete(name)
    this.layers = layers
  }

  /** Numbers of this step: the first of `values`, one for each name. */
  numbers(step: number, names: readonly string[], values: ArrayLike<number>): void {
    const frame = this.#frame(step)
    for (let i = 0; i < names.length; i++) this.#add(this.#column(names[i]!, 1), 0, frame, values, i)
  }

  /** A number per layer of this step; NaN where a layer has none. */
  profile(step: number, name: string, values: ArrayLike<number>): void {
    this.#profiles.add(name)
    const column = this.#column(name, values.length)
    if (column.rows !== values.length) return
    const frame = this.#frame(step)
    for (let row = 0; row < values.length; row++) {
      if (!Number.isNaN(values[row]!)) this.#add(column, row, frame, values, row)
    }
  }

  series(name: string): SignalSeries | undefined {
    const column = this.#columns.get(name)
    if (!column) return undefined
    const frames = this.#measured(column)
    const pick = (values: Float32Array) => Float32Array.from(frames, (frame) => values[frame]!)
    return {
      x: Float64Array.from(frames, (frame) => frame * this.stride),
      y: pick(column.mean),
      low: pick(column.low),
      high: pick(column.high),
    }
  }

  /** Per layer, one value per frame of `x`; NaN where that layer was not measured, Infinity where it was not finite. */
  profiles(name: string): { x: Float64Array; rows: Float32Array[] } | undefined {
    const column = this.#columns.get(name)
    if (!column) return undefined
    const frames = this.#measured(column)
    const rows = Array.from({ length: column.rows }, (_, row) =>
      Float32Array.from(frames, (frame) => shown(column, row * MAX_FRAMES + frame)),
    )
    return { x: Float64Array.from(frames, (frame) => frame * this.stride), rows }
  }

  toBytes(): Uint8Array {
    const columns = [...this.#columns].map(([name, column]) => ({ name, column, frames: this.#measured(column) }))
    const header = Buffer.from(
      JSON.stringify({
        stride: this.stride,
        steps: this.steps,
        layers: this.layers,
        columns: columns.map(({ name, column, frames }) => ({ name, rows: column.rows, frames })),
      }),
    )
    const length = Buffer.alloc(4)
    length.writeUInt32LE(header.length)
    const parts = columns.flatMap(({ column, frames }) =>
      arraysOf(column).map((values) => {
        const used = new (values.constructor as Float32ArrayConstructor)(column.rows * frames.length)
        eachCell(column.rows, frames, (cell, i) => (used[i] = values[cell]!))
        return bytesOf(used)
      }),
    )
    return Buffer.concat([Buffer.from(MAGIC), length, header, ...parts])
  }

  /** @throws UserError when the file is damaged */
  static fromBytes(bytes: Uint8Array, path: string): SignalLog {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const damaged = (what: string) => new UserError(`${path}: expected the signals of a run, but ${what}.`)
    if (file.length < 12 || file.toString('latin1', 0, 8) !== MAGIC) throw damaged('it is another kind of file')
    const length = file.readUInt32LE(8)
    if (length > MAX_HEADER || 12 + length > file.length) throw damaged('its header is longer than the file')
    const header = readHeader(file.toString('utf8', 12, 12 + length), file.length - 12 - length)
    if (!header) throw damaged('it is truncated or was altered')
    const log = new SignalLog()
    log.stride = header.stride
    log.steps = header.steps
    log.layers = header.layers
    let at = 12 + length
    for (const { name, rows, frames } of header.columns) {
      if (rows > 1) log.#profiles.add(name)
      for (const values of arraysOf(log.#column(name, rows))) {
        const used = new (values.constructor as Float32ArrayConstructor)(rows * frames.length)
        bytesOf(used).set(file.subarray(at, at + used.byteLength))
        eachCell(rows, frames, (cell, i) => (values[cell] = used[i]!))
        at += used.byteLength
      }
    }
    return log
  }

  #column(name: string, rows: number): Column {
    let column = this.#columns.get(name)
    if (column) return column
    const filled = () => new Float32Array(rows * MAX_FRAMES).fill(NaN)
    column = { rows, mean: filled(), low: filled(), high: filled(), count: new Uint32Array(rows * MAX_FRAMES) }
    this.#columns.set(name, column)
    return column
  }

  /** Frames in which the column has something. */
  #measured({ rows, high }: Column): number[] {
    const used = Math.min(MAX_FRAMES, Math.ceil(this.steps / this.stride))
    const isThere = (frame: number) => {
      for (let row = 0; row < rows; row++) if (!Number.isNaN(high[row * MAX_FRAMES + frame]!)) return true
      return false
    }
    return Array.from({ length: used }, (_, frame) => frame).filter(isThere)
  }

  #frame(step: number): number {
    while (step >= this.stride * MAX_FRAMES) this.#halve()
    this.steps = Math.max(this.steps, step + 1)
    return Math.floor(step / this.stride)
  }

  /** Takes the array and a place in it: a float64 that is passed by itself is garbage in every step. */
  #add({ mean, low, high, count }: Column, row: number, frame: number, values: ArrayLike<number>, at: number): void {
    const i = row * MAX_FRAMES + frame
    const value = values[at]!
    if (!Number.isFinite(value)) {
      high[i] = Infinity
      if (count[i] === 0) mean[i] = Infinity
      return
    }
    const before = count[i]!
    count[i] = before + 1
    mean[i] = before === 0 ? value : mean[i]! + (value - mean[i]!) / (before + 1)
    low[i] = before === 0 ? value : Math.min(low[i]!, value)
    high[i] = Number.isNaN(high[i]!) ? value : Math.max(high[i]!, value)
  }

  #halve(): void {
    this.stride *= 2
    for (const column of this.#columns.values()) {
      for (let row = 0; row < column.rows; row++) halveRow(column, row * MAX_FRAMES)
    }
  }
}

function halveRow({ mean, low, high, count }: Column, at: number): void {
  const half = MAX_FRAMES / 2
  for (let frame = 0; frame < half; frame++) {
    const [into, a, b] = [at + frame, at + 2 * frame, at + 2 * frame + 1]
    const [m, n] = [count[a]!, count[b]!]
    mean[into] =
      n === 0 && m > 0
        ? mean[a]!
        : m === 0
          ? Number.isNaN(mean[b]!)
            ? mean[a]!
            : mean[b]!
          : mean[a]! + ((mean[b]! - mean[a]!) * n) / (m + n)
    low[into] = least(low[a]!, low[b]!)
    high[into] = -least(-high[a]!, -high[b]!)
    count[into] = m + n
  }
  for (const values of [mean, low, high]) values.fill(NaN, at + half, at + MAX_FRAMES)
  count.fill(0, at + half, at + MAX_FRAMES)
}

/** Layers a file may tell of: what bounds the memory that reading takes. */
const MAX_ROWS = 100_000

/** The header, if it is one and the numbers behind it are as many as it says. */
function readHeader(text: string, bytesBehind: number): Header | undefined {
  let header: Header
  try {
    header = JSON.parse(text) as Header
    const isCount = (n: unknown, max: number) => Number.isInteger(n) && (n as number) >= 0 && (n as number) < max
    const fits = ({ name, rows, frames }: Header['columns'][number]) =>
      typeof name === 'string' && isCount(rows, MAX_ROWS) && frames.every((frame) => isCount(frame, MAX_FRAMES))
    const cells = header.columns.reduce((sum, { rows, frames }) => sum + rows * frames.length, 0)
    const whole = Number.isInteger(Math.log2(header.stride)) && isCount(header.steps, 2 ** 53)
    const named = Array.isArray(header.layers) && header.layers.every((name) => typeof name === 'string')
    if (!whole || !named || !header.columns.every(fits) || 16 * cells !== bytesBehind) return undefined
  } catch {
    return undefined
  }
  return header
}

interface Header {
  readonly stride: number
  readonly steps: number
  readonly layers: readonly string[]
  readonly columns: readonly { readonly name: string; readonly rows: number; readonly frames: readonly number[] }[]
}

const arraysOf = ({ mean, low, high, count }: Column) => [mean, low, high, count]

function eachCell(rows: number, frames: readonly number[], visit: (cell: number, i: number) => void): void {
  for (let row = 0, i = 0; row < rows; row++) for (const frame of frames) visit(row * MAX_FRAMES + frame, i++)
}

const shown = ({ mean, high }: Column, i: number): number => (high[i] === Infinity ? Infinity : mean[i]!)

/** NaN is what was not measured. */
const least = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b))

const bytesOf = (values: Float32Array | Uint32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
