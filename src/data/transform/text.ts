/**
 * Texts as numbers. `words`: how often each word is there, in `size` places that words share by their hash (Weinberger
 * et al. 2009, arXiv 0902.2206), log(1 + count), rows of length 1. `chars` and `bytes`: the first `size` of them as
 * numbers for an embedding, 0 where the text is shorter; characters that training has not seen are 1. A running text comes
 * as windows of code points or bytes, which get the same numbers.
 */
import type { Steps } from '../steps.ts'
import { UserError } from '../../errors.ts'
import type { Column, NumberColumn, Table } from '../table.ts'
import { labelAt, missingValue } from './labels.ts'
import type { TextConfig, TextFeature, TokenTarget } from './types.ts'

export function fitText(column: Column, { tokens, size }: TextConfig): TextFeature {
  const { name } = column
  if (tokens !== 'chars') return { kind: 'text', name, tokens, width: size }
  const counts = new Map<number, number>()
  const count = (code: number) => counts.set(code, (counts.get(code) ?? 0) + 1)
  if (column.kind === 'numbers' && column.tokens) column.values.forEach(count)
  else {
    for (let row = 0; row < column.values.length; row++) {
      for (const char of firstChars(labelAt(column, row) ?? '', size)) count(char.codePointAt(0)!)
    }
  }
  // The most frequent first, then by code point: the same for the same texts.
  const known = [...counts].sort(([a, m], [b, n]) => n - m || a - b)
  return {
    kind: 'text',
    name,
    tokens,
    width: size,
    alphabet: known.map(([code]) => String.fromCodePoint(code)).join(''),
  }
}

/** The targets of a running text get the numbers of its tokens. */
export function tokenTarget(name: string, { tokens, width, alphabet }: TextFeature): TokenTarget {
  const known =
    tokens === 'chars' ? ['\uFFFD', ...alphabet!] : Array.from({ length: 256 }, (_, i) => `0x${i.toString(16)}`)
  return { kind: 'tokens', name, tokens, width, alphabet, classes: ['', ...known] }
}

/** Writes a feature's part, at `offset` of each row of `stride` numbers, into `x`, which is zero before. */
export function* applyText(
  feature: Omit<TextFeature, 'kind'>,
  table: Table,
  column: Column,
  x: Float32Array,
  offset: number,
  stride: number,
): Steps<void> {
  if (column.kind === 'numbers' && column.tokens) {
    yield* applyCodes(feature, table, column, x, offset, stride)
    return
  }
  const write = writerOf(feature)
  for (let row = 0; row < table.rows; row++) {
    const text = labelAt(column, row)
    if (text === null) throw missingValue(table, feature.name, row)
    write(text, x.subarray(row * stride + offset, row * stride + offset + feature.width))
    if (row % 64 === 63) yield
  }
}

function* applyCodes(
  { name, tokens, width, alphabet = '' }: Omit<TextFeature, 'kind'>,
  table: Table,
  column: NumberColumn,
  x: Float32Array,
  offset: number,
  stride: number,
): Steps<void> {
  if (column.tokens !== tokens || column.width !== width) {
    throw new UserError(
      `Expected windows of ${width} ${tokens} in column ${JSON.stringify(name)} as in the training data, got ` +
        `${column.width} ${column.tokens} in ${table.file}. Set data.text to what the model was trained with`,
    )
  }
  const places = placesOf(alphabet)
  for (let row = 0; row < table.rows; row++) {
    for (let i = 0; i < width; i++) {
      const code = column.values[row * width + i]!
      x[row * stride + offset + i] = tokens === 'bytes' ? code + 1 : (places.get(code) ?? 1)
    }
    if (row % 4096 === 4095) yield
  }
}

const placesOf = (alphabet: string): Map<number, number> =>
  new Map([...alphabet].map((char, i) => [char.codePointAt(0)!, i + 2]))

function writerOf({
  tokens,
  width,
  alphabet = '',
}: Omit<TextFeature, 'kind'>): (text: string, into: Float32Array) => void {
  switch (tokens) {
    case 'words':
      return countWords
    case 'bytes':
      return (text, into) =>
        Buffer.from(text)
          .subarray(0, width)
          .forEach((byte, i) => (into[i] = byte + 1))
    case 'chars': {
      const places = placesOf(alphabet)
      return (text, into) =>
        firstChars(text, width).forEach((char, i) => (into[i] = places.get(char.codePointAt(0)!) ?? 1))
    }
  }
}

const WORD = /[\p{L}\p{N}$!%]+/gu

function countWords(text: string, into: Float32Array): void {
  for (const [word] of text.toLowerCase().matchAll(WORD)) into[hash(word) % into.length]! += 1
  let squares = 0
  for (let i = 0; i < into.length; i++) {
    if (into[i] === 0) continue
    const weight = Math.log1p(into[i]!)
    into[i] = weight
    squares += weight * weight
  }
  if (squares === 0) return
  const scale = 1 / Math.sqrt(squares)
  for (let i = 0; i < into.length; i++) into[i]! *= scale
}

/** FNV-1a of the UTF-16 code units. */
function hash(word: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193)
  return h >>> 0
}

function firstChars(text: string, count: number): string[] {
  // A character takes at most two code units.
  return [...text.slice(0, 2 * count)].slice(0, count)
}
