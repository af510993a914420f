import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { idx, npy, read, temporaryFiles } from './files.ts'

const write = temporaryFiles()
const csv = Buffer.from('a,b,c\n1,x,"q ""r"""\n2,y,\n' + '3.5,z,t\n'.repeat(20))
const jsonl = Buffer.from('{"a": 1, "b": [1, 2], "c": "x"}\n{"a": null, "b": [3, 4], "c": "y"}\n')
const array = npy(
  '<f4',
  [4, 3],
  new Uint8Array(48).map((_, i) => i * 5),
)
const images = idx(
  [4, 2, 3],
  new Uint8Array(24).map((_, i) => i),
)

const files: Record<string, Uint8Array> = {
  'whole.csv': csv,
  'whole.csv.gz': gzipSync(csv),
  'whole.jsonl': jsonl,
  'whole.jsonl.gz': gzipSync(jsonl),
  'whole.npy': array,
  'whole.npy.gz': gzipSync(array),
  'whole.npz': zipSync({ 'x.npy': array, 'y.npy': npy('|u1', [4], Uint8Array.of(0, 1, 0, 1)) }),
  'whole.idx': images,
  'whole.idx.gz': gzipSync(images),
}

/** 'read', or the message of the UserError; other errors, which would reach the user as faults of ours, go through. */
async function outcome(name: string, contents: Uint8Array): Promise<string> {
  try {
    await read(write(name, contents))
    return 'read'
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
}

describe.each(Object.entries(files))('%s', (name, contents) => {
  it('is read whole', async () => {
    expect(await outcome(name, contents)).toBe('read')
  })

  it('cut at any length gives a table or a message that names the file, and no other error', async () => {
    const binary = !/csv$|jsonl$/.test(name)
    for (let length = 0; length < contents.length; length += Math.ceil(contents.length / 60)) {
      const result = await outcome(name, contents.subarray(0, length))
      if (binary) expect(result).not.toBe('read')
      if (result !== 'read') expect(result).toContain(name)
    }
  })

  it('with bytes changed gives a table or a message that names the file, and no other error', async () => {
    const change = fc.tuple(fc.nat(contents.length - 1), fc.integer({ min: 0, max: 255 }))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Uint8Array.from(contents)
        for (const [at, byte] of changes) damaged[at] = byte
        const result = await outcome(name, damaged)
        if (result !== 'read') expect(result).toContain(name)
      }),
      { numRuns: 80 },
    )
  })
})
