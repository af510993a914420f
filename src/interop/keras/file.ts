/** A model.json and the files beside it. Nothing outside of its folder is read. */
import { open, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { UserError, whyUnread } from '../../errors.ts'
import { refuseEndless } from '../regular.ts'
import type { Shards } from './manifest.ts'

/** Of the JSON: far above what a thousand layers need. */
const MAX_BYTES = 100_000_000

/** @throws UserError that says how to convert it */
export function refuseKerasFile(path: string): never {
  throw new UserError(
    `${path}: Keras's own files are not read. Convert it: \`pip install tensorflowjs\`, then ` +
      `\`tensorflowjs_converter --input_format=keras ${path} folder\`, and load folder/model.json.`,
  )
}

/** @throws UserError when it is missing, too large, or no JSON */
export async function readDocument(path: string): Promise<unknown> {
  await refuseEndless(path)
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: expected a model.json, but ${whyUnread(cause, 'model.json')}.`, { cause })
  })
  try {
    const { size } = await file.stat()
    if (size > MAX_BYTES)
      throw new UserError(`${path}: expected a model.json of at most ${MAX_BYTES} bytes, got ${size}.`)
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile())) as unknown
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EISDIR' ? whyUnread(cause as NodeJS.ErrnoException, 'model.json') : 'it is not JSON'
    throw new UserError(`${path}: expected a model.json, but ${why}.`, { cause })
  } finally {
    await file.close()
  }
}

export function shardsBeside(path: string): Shards {
  const folder = dirname(path)
  const find = async (shard: string): Promise<string> => {
    const outside = new UserError(`expected files of weights beside the model, got \`${shard}\`. Copy it there`)
    // Neither by its name, on any system, nor by a link.
    if (shard === '' || /[\\:\0]/.test(shard) || isAbsolute(shard) || shard.split('/').includes('..')) throw outside
    const real = await realpath(join(folder, shard)).catch((cause: NodeJS.ErrnoException) => {
      throw new UserError(`file of weights \`${shard}\`: ${whyUnread(cause, 'group1-shard1of1.bin')}`, { cause })
    })
    const inside = relative(await realpath(folder), real)
    if (inside.split(/[\\/]/)[0] === '..' || isAbsolute(inside)) throw outside
    await refuseEndless(real)
    return real
  }
  return {
    size: async (shard) => (await stat(await find(shard))).size,
    async read(shard) {
      return readFile(await find(shard)).catch((cause: NodeJS.ErrnoException) => {
        throw new UserError(`file of weights \`${shard}\`: ${whyUnread(cause, 'group1-shard1of1.bin')}`, { cause })
      })
    },
  }
}
