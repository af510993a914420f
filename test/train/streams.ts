/**
 * Resident memory at its peak while a file is streamed to a training, large and small, each in a process of its own:
 * node test/train/streams.ts [--mebibytes 256] [--only csv,npy]. Windows of 4,096 rows; the rows are the same block again and again.
 * Parquet has all of them in one row group, Arrow in one batch.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crc32 } from 'node:zlib'
import { makeVector, Table, tableToIPC } from 'apache-arrow'
import type { DataConfig } from '../../src/data/config.ts'
import { loadData } from '../../src/data/load.ts'
import { table } from '../../src/report/table.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { columnOf, dataPage, ENCODINGS, fileOf, footerBytes, pageBytes, TYPES } from '../data/parquet.ts'
import { greyPng } from '../data/png.ts'
import { peakBytes } from './peak-bytes.ts'

const MEBIBYTE = 2 ** 20
const SMALL = 16
const ROWS = 4096
const WIDTH = 65

/** The last column is the class. */
const rows = Array.from({ length: ROWS }, (_, row) =>
  Array.from({ length: WIDTH }, (_, i) => (i === WIDTH - 1 ? row % 2 : ((row * 31 + i * 17) % 101) / 4)),
)
const floats = Buffer.from(Float32Array.from(rows.flat()).buffer)
const pixels = Buffer.from(rows.flatMap((row) => row.slice(0, -1)))
const words = `${'call me ishmael some years ago never mind how long precisely '.repeat(64)}\n`.repeat(16)

const CHARACTERS = new Set(words).size

/** `head`, and then `block` as often as it takes; gives the number of blocks. */
function repeated(path: string, head: Uint8Array | string, block: Uint8Array | string, bytes: number): void {
  writeFileSync(path, head)
  for (let i = 0; i < blocks(block, bytes); i++) appendFileSync(path, block)
}
const blocks = (block: Uint8Array | string, bytes: number): number => Math.ceil(bytes / block.length)

function npyHead(bytes: number): Buffer {
  const shape = `(${ROWS * blocks(floats, bytes)}, ${WIDTH})`
  const text = `${`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)}\n`
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(text)])
}

function idxHead(dims: readonly number[]): Buffer {
  const head = Buffer.from([0, 0, 8, dims.length, ...dims.flatMap(() => [0, 0, 0, 0])])
  dims.forEach((dim, i) => head.writeUInt32BE(dim, 4 + 4 * i))
  return head
}

/** In a file beside `count` blocks of rows. */
function classes(path: string, count: number): Partial<DataConfig> {
  const labels = Buffer.from(rows.map((row) => row.at(-1)!))
  repeated(`${path}.labels`, idxHead([ROWS * count]), labels, count * labels.length)
  return { labels: `${path}.labels` }
}

/** Writes about so many bytes at `path`, and says what a config says of them beside it. */
type Write = (path: string, bytes: number) => Partial<DataConfig>

const formats: Record<string, Write> = {
  csv(path, bytes) {
    repeated(
      path,
      `${rows[0]!.map((_, i) => `c${i}`).join(',')}\n`,
      rows.map((row) => `${row.join(',')}\n`).join(''),
      bytes,
    )
    return {}
  },
  jsonl(path, bytes) {
    repeated(path, '', rows.map((row) => `${JSON.stringify(row)}\n`).join(''), bytes)
    return {}
  },
  npy(path, bytes) {
    repeated(path, npyHead(bytes), floats, bytes)
    return {}
  },
  idx(path, bytes) {
    const count = blocks(pixels, bytes)
    repeated(path, idxHead([ROWS * count, 8, 8]), pixels, bytes)
    return classes(path, count)
  },
  npz(path, bytes) {
    const count = blocks(floats, bytes)
    const head = npyHead(bytes)
    let sum = crc32(head)
    for (let i = 0; i < count; i++) sum = crc32(floats, sum)
    const size = head.length + count * floats.length
    const name = Buffer.from('x.npy')
    // What an entry says of itself, before it and at the end of the file: stored, its checksum and sizes, its name.
    const about = Buffer.alloc(26)
    about.writeUInt16LE(20, 0)
    about.writeUInt32LE(sum, 10)
    about.writeUInt32LE(size, 14)
    about.writeUInt32LE(size, 18)
    about.writeUInt16LE(name.length, 22)
    repeated(path, Buffer.concat([Buffer.from('PK\x03\x04'), about, name, head]), floats, bytes)
    const list = Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), about, Buffer.alloc(14), name])
    const end = Buffer.alloc(22)
    end.write('PK\x05\x06')
    end.writeUInt16LE(1, 8)
    end.writeUInt16LE(1, 10)
    end.writeUInt32LE(list.length, 12)
    end.writeUInt32LE(30 + name.length + size, 16)
    appendFileSync(path, Buffer.concat([list, end]))
    return classes(path, count)
  },
  parquet(path, bytes) {
    const count = blocks(floats, bytes)
    writeFileSync(path, 'PAR1')
    let start = 4
    const places = rows[0]!.map((_, i) => {
      const values = Float32Array.from(rows, (row) => row[i]!)
      const page = Buffer.from(pageBytes(dataPage(ROWS, ENCODINGS.plain, [...new Uint8Array(values.buffer)])))
      for (let j = 0; j < count; j++) appendFileSync(path, page)
      const size = count * page.length
      start += size
      return { start: start - size, last: start - size, size }
    })
    const columns = places.map((_, i) => columnOf(`c${i}`, TYPES.float, ROWS * count, []))
    appendFileSync(path, footerBytes(fileOf(columns, ROWS * count), [places]))
    return {}
  },
  arrow(path, bytes) {
    const count = blocks(floats, bytes)
    const columns = rows[0]!.map((_, i) => {
      const values = Float32Array.from({ length: ROWS * count }, (_, row) => rows[row % ROWS]![i]!)
      return [`c${i}`, makeVector(values)] as const
    })
    writeFileSync(path, tableToIPC(new Table(Object.fromEntries(columns)), 'file'))
    return {}
  },
  images(path, bytes) {
    let left = bytes
    for (const label of ['one', 'two']) mkdirSync(join(path, label), { recursive: true })
    for (let i = 0; left > 0; i++) {
      const file = greyPng(48, 48, (x, y) => ((x * 31 + y * 17 + i) * 2_654_435_761) >>> 24)
      writeFileSync(join(path, i % 2 === 0 ? 'one' : 'two', `${i}.png`), file)
      left -= file.length
    }
    return {}
  },
  text(path, bytes) {
    repeated(path, '', words, bytes)
    return { format: 'text', text: { tokens: 'chars', size: 128 } }
  },
  folders(path, bytes) {
    for (const label of ['one', 'two']) {
      mkdirSync(join(path, label), { recursive: true })
      for (let i = 0; i < blocks(words, bytes / 2); i++)
        writeFileSync(join(path, label, `${i}.txt`), `${label} ${words}`)
    }
    return { text: { tokens: 'words', size: 1024 } }
  },
}

/** Of a process that does nothing else. */
async function train(config: DataConfig): Promise<void> {
  const { stream } = await loadData(config, 1)
  const isText = config.format === 'text'
  await using trainer = await Trainer.create({
    batchSize: isText ? 64 : 1024,
    workers: 1,
    epochs: 1,
    kernels: 'wasm',
    health: 'off',
    ...(isText
      ? {
          model: {
            inputShape: [128],
            layers: [
              { type: 'embedding', inputDim: CHARACTERS + 2, outputDim: 2 },
              { type: 'dense', units: CHARACTERS + 2 },
            ],
          },
          loss: 'maskedCrossentropy' as const,
        }
      : { model: { layers: [{ type: 'dense', units: 2 }] } }),
  })
  await trainer.fit(stream!, { bufferRows: isText ? 1024 : 4096 })
  process.stdout.write(`${peakBytes()}`)
}

function peakOf(config: DataConfig): number {
  const child = [import.meta.filename, '--config', JSON.stringify(config)]
  return Number(execFileSync(process.execPath, child, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
}

const { values } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '256' },
    only: { type: 'string', default: Object.keys(formats).join(',') },
    config: { type: 'string' },
  },
})

if (values.config) await train(JSON.parse(values.config) as DataConfig)
else {
  const folder = mkdtempSync(join(tmpdir(), 'brigantine-streams-'))
  try {
    const lines = [['format', `peak MB, ${SMALL} MiB`, `peak MB, ${values.mebibytes} MiB`]]
    for (const name of values.only.split(',')) {
      const peaks: string[] = []
      for (const mebibytes of [SMALL, Number(values.mebibytes)]) {
        const source = join(folder, `${name}-${mebibytes}`)
        const more = formats[name]!(source, mebibytes * MEBIBYTE)
        peaks.push((peakOf({ source, streaming: true, task: 'classification', ...more }) / 1e6).toFixed(0))
        rmSync(source, { recursive: true })
      }
      lines.push([name, ...peaks])
      process.stderr.write(`${lines.at(-1)!.join('  ')}\n`)
    }
    process.stdout.write(`${table(lines)}\n`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
