/**
 * Texts as numbers. `words`: how often each word is there, in `size` places that words share by their hash (Weinberger
 * et al. 2009, arXiv 0902.2206), log(1 + count), rows of length 1. `chars` and `bytes`: the first `size` of them as
 * numbers for an embedding, 0 where the text is shorter; characters that training has not seen are 1.
 */
import type { Steps } from '../steps.ts'
import type { Column, Table } from '../table.ts'
import { labelAt, missingValue } from './labels.ts'
import type { TextConfig, TextFeature } from './types.ts'

export function fitText(column: Column, { tokens, size }: TextConfig): TextFeature {
  const { name } = column
  if (tokens !== 'chars') return { kind: 'text', name, tokens, width: size }
  const counts = new Map<string, number>()
  for (let row = 0; row < column.values.length; row++) {
    for (const char of firstChars(labelAt(column, row) ?? '', size)) counts.set(char, (counts.get(char) ?? 0) + 1)
  }
  // The most frequent first, then by code point: the same for the same texts.
  const known = [...counts].sort(([a, m], [b, n]) => n - m || a.codePointAt(0)! - b.codePointAt(0)!)
  return { kind: 'text', name, tokens, width: size, alphabet: known.map(([char]) => char).join('') }
}

/** Writes a feature's part, at `offset` of each row of `stride` numbers, into `x`, which is zero before. */
export function* applyText(
  feature: TextFeature,
  table: Table,
  column: Column,
  x: Float32Array,
  offset: number,
  stride: number,
): Steps<void> {
  const write = writerOf(feature)
  for (let row = 0; row < table.rows; row++) {
    const text = labelAt(column, row)
    if (text === null) throw missingValue(table, feature.name, row)
    write(text, x.subarray(row * stride + offset, row * stride + offset + feature.width))
    if (row % 64 === 63) yield
  }
}

function writerOf({ tokens, width, alphabet = '' }: TextFeature): (text: string, into: Float32Array) => void {
  switch (tokens) {
    case 'words':
      return countWords
    case 'bytes':
      return (text, into) =>
        Buffer.from(text)
          .subarray(0, width)
          .forEach((byte, i) => (into[i] = byte + 1))
    case 'chars': {
      const places = new Map([...alphabet].map((char, i) => [char, i + 2]))
      return (text, into) => firstChars(text, width).forEach((char, i) => (into[i] = places.get(char) ?? 1))
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
