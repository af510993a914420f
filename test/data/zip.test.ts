/** Zip archives as NPZ files are: what tools write is read, and nothing is believed of what is damaged or hostile. */
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { openFile } from '../../src/data/read/file.ts'
import { listZip, unpackEntry } from '../../src/data/read/zip.ts'
import { temporaryFiles, userError } from './files.ts'

const write = temporaryFiles()
const text = Buffer.from('the same words again and again, '.repeat(9000))
const plain = Buffer.from(zipSync({ 'a.npy': [text, { level: 9 }], 'b.npy': [text.subarray(0, 99), { level: 0 }] }))

async function unpacked(bytes: Uint8Array): Promise<Record<string, Buffer>> {
  const opened = await openFile(write('some.zip', bytes))
  try {
    const found: Record<string, Buffer> = {}
    for (const entry of await listZip(opened.places!)) {
      const chunks: Uint8Array[] = []
      for await (const chunk of unpackEntry(opened.places!, entry)) chunks.push(chunk)
      found[entry.name] = Buffer.concat(chunks)
    }
    return found
  } finally {
    await opened.close()
  }
}

/** Where the directory's record of the first entry begins, and the record of the end. */
const [ENTRY, END] = [plain.indexOf('PK\x01\x02'), plain.length - 22]

function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(plain)
  change(bytes)
  return bytes
}

/** The same archive with its numbers in the wide records that archives beyond 4 GiB have. */
function wide(start = BigInt(ENTRY)): Buffer {
  const record = Buffer.alloc(56)
  record.write('PK\x06\x06', 'latin1')
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(2n, 32)
  record.writeBigUInt64LE(BigInt(END - ENTRY), 40)
  record.writeBigUInt64LE(start, 48)
  const locator = Buffer.alloc(20)
  locator.write('PK\x06\x07', 'latin1')
  locator.writeBigUInt64LE(BigInt(END), 8)
  const end = Buffer.from(plain.subarray(END)).fill(0xff, 8, 20)
  return Buffer.concat([plain.subarray(0, END), record, locator, end])
}

describe('a zip archive', () => {
  it('gives its entries, stored and deflated, behind a comment or in wide records', async () => {
    const expected = { 'a.npy': text, 'b.npy': text.subarray(0, 99) }
    expect(await unpacked(plain)).toEqual(expected)
    expect(await unpacked(wide())).toEqual(expected)
    const comment = changed((bytes) => bytes.writeUInt16LE(7, END + 20))
    expect(await unpacked(Buffer.concat([comment, Buffer.from('comment')]))).toEqual(expected)
  })

  it.each<[what: string, bytes: Buffer, error: RegExp]>([
    ['with another byte in an entry', changed((b) => (b[ENTRY - 1]! ^= 1)), /b.npy has another checksum than it had/],
    ['whose deflated bytes are none', changed((b) => b.fill(0xff, 60, 90)), /damaged: a.npy: /],
    [
      'with entries that share their bytes',
      changed((b) => b.writeUInt32LE(plain.length, ENTRY + 20)),
      /its entries have more than its \d+ bytes/,
    ],
    [
      'that declares more than its bytes can hold',
      changed((b) => b.writeUInt32LE(0xffff_fff0, ENTRY + 24)),
      /a.npy declares 4294967280 bytes, which \d+ packed ones cannot hold/,
    ],
    ['that declares less than it has', changed((b) => b.writeUInt32LE(5, ENTRY + 24)), /a.npy has more than 5 bytes/],
    [
      'with an entry that begins elsewhere',
      changed((b) => b.writeUInt32LE(3, ENTRY + 42)),
      /a.npy does not begin at byte 3/,
    ],
    ['that is cut off', plain.subarray(0, END), /its directory is not at its end/],
    ['with more entries than it lists', changed((b) => b.writeUInt16LE(3, END + 10)), /has 2 entries of 3/],
    ['with a directory beyond its end', wide(2n ** 60n), /its directory would end at byte/],
    ['with a password', changed((b) => b.writeUInt16LE(1, ENTRY + 8)), /no password on .*some.zip \(a.npy\)/],
    [
      'packed in another way',
      changed((b) => b.writeUInt16LE(12, ENTRY + 10)),
      /stored or deflated in .*some.zip, got a.npy by method 12. Pack it again/,
    ],
  ])('%s: refused with the reason', async (_, bytes, error) => {
    expect(await userError(() => unpacked(bytes))).toMatch(error)
  })
})
