import { brotliDecompressSync } from 'node:zlib'
import { suggest, UserError } from '../../errors.ts'
import type { Table } from '../table.ts'
import { DIGITS_BASE64, DIGITS_ROWS } from './digits.ts'

export const BUILTIN_NAMES = ['digits'] as const
export type BuiltinName = (typeof BUILTIN_NAMES)[number]

export function isBuiltin(name: string): name is BuiltinName {
  return (BUILTIN_NAMES as readonly string[]).includes(name)
}

/**
 * A data set that comes with the package. 'digits': 1,797 rows, column `pixels` of 64 numbers 0..16 (8 x 8, row by row)
 * and column `digit`, the class 0..9. Source and licence: digits.ts. Throws a UserError for another name.
 */
export function loadBuiltin(name: string): Table {
  if (!isBuiltin(name)) {
    const close = suggest(name, BUILTIN_NAMES)
    throw new UserError(
      `Expected a built-in data set (${BUILTIN_NAMES.join(', ')}), got ${JSON.stringify(name)}` +
        (close === undefined ? '' : `. Did you mean ${JSON.stringify(close)}?`),
    )
  }
  const bytes = brotliDecompressSync(Buffer.from(DIGITS_BASE64, 'base64'))
  const pixels = new Uint8Array(DIGITS_ROWS * 64)
  for (let row = 0; row < DIGITS_ROWS; row++) {
    for (let j = 0; j < 64; j++) pixels[row * 64 + j] = bytes[j * DIGITS_ROWS + row]!
  }
  const digits = Uint8Array.from(bytes.subarray(64 * DIGITS_ROWS))
  return {
    file: 'digits',
    rows: DIGITS_ROWS,
    columns: [
      { kind: 'numbers', name: 'pixels', width: 64, values: pixels },
      { kind: 'numbers', name: 'digit', width: 1, values: digits },
    ],
  }
}
