/** Checkpoint files made to do harm: whole, with a checksum that matches, and wrong inside. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { decodeCheckpoint } from '../../src/train/checkpoint.ts'
import { loadModel } from '../../src/train/model.ts'

const packr = new Packr({ useRecords: false, mapsAsObjects: true })
const bytes = (length: number) => new Uint8Array(length)
const whole = {
  config: { seed: 1, model: { layers: [{ type: 'dense', units: 1 }] } },
  inputs: 2,
  targets: 1,
  trainRows: 7,
  transform: null,
  names: ['dense_1/kernel', 'dense_1/bias'],
  parameters: [bytes(8), bytes(4)],
  slots: [[bytes(8), bytes(4)]],
  best: null,
  state: bytes(80),
  updates: 3,
  kernels: 'wasm',
  history: { epoch: [0], history: { loss: [1] } },
}

/** A file around any document, as whoever wants to be believed makes it. */
function sealed(document: Uint8Array): Buffer {
  const header = Buffer.alloc(52)
  header.write('BRIGANTINE')
  header.writeUInt16LE(1, 10)
  header.writeBigUInt64LE(BigInt(document.length), 12)
  createHash('sha256').update(document).digest().copy(header, 20)
  return Buffer.concat([header, document])
}

/** Reads it, or is refused with a message for people; anything else is a failure of ours. */
function outcome(document: Uint8Array): string {
  try {
    decodeCheckpoint('hostile.ckpt', sealed(document))
    return 'read'
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return error.message
  }
}

const pollution = () => Object.keys(Object.prototype).length + ('polluted' in {} ? 1 : 0)

describe('a checkpoint of a stranger', () => {
  it('is read where every field is what it should be', () => {
    expect(outcome(packr.pack(whole))).toBe('read')
  })

  it('is refused by name where a field is something else, whatever it is', () => {
    const names = Object.keys(whole) as (keyof typeof whole)[]
    const anything = fc.anything({ withTypedArray: true, withNullPrototype: true, maxDepth: 3 })
    fc.assert(
      fc.property(fc.constantFrom(...names), anything, (name, value) => {
        const message = outcome(packr.pack({ ...whole, [name]: value }))
        if (message !== 'read') expect(message).toMatch(/^hostile\.ckpt: /)
        expect(pollution()).toBe(0)
      }),
      { numRuns: 4000 },
    )
    for (const name of names) {
      expect(outcome(packr.pack({ ...whole, [name]: true }))).toContain(`expected \`${name}\` to be`)
    }
  })

  it('is refused or read, and never more, with any of its bytes altered', () => {
    const document = Buffer.from(packr.pack(whole))
    const changes = fc.array(fc.tuple(fc.nat(document.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(changes, fc.nat(document.length), (altered, cut) => {
        const copy = Buffer.from(document)
        for (const [at, value] of altered) copy[at] = value
        outcome(copy)
        outcome(copy.subarray(0, cut))
        expect(pollution()).toBe(0)
      }),
      { numRuns: 3000 },
    )
  })

  it('cannot reach a prototype through its keys', () => {
    const hostile = JSON.parse(
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
    ) as object
    for (const name of ['config', 'transform', 'history'] as const) {
      outcome(packr.pack({ ...whole, [name]: hostile }))
      outcome(packr.pack({ ...whole, history: { epoch: [], history: hostile } }))
    }
    expect(pollution()).toBe(0)
  })
})

// By `mkfifo`: Windows has no such pipes.
describe.skipIf(process.platform === 'win32')('a model', () => {
  it.each(['m.brig', 'm.onnx', 'm.safetensors'])(
    'that is a pipe nobody writes to is refused at once: %s',
    async (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'brigantine-pipe-'))
      execFileSync('mkfifo', [join(folder, name)])
      await expect(loadModel(join(folder, name))).rejects.toThrow(/expected a file, got a pipe/)
      rmSync(folder, { recursive: true })
    },
  )

  it('that never ends is refused before it is read', async () => {
    await expect(loadModel('/dev/zero')).rejects.toThrow(UserError)
  })
})
