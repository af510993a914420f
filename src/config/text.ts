/** Config text with the places of its fields. Every JSON text is YAML, so one parser gives both their lines and columns. */
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { UserError } from '../errors.ts'
import type { Locate } from './schema.ts'

export interface ParsedText {
  readonly value: unknown
  readonly locate: Locate
}

/** @throws UserError with `path`, line and column */
export function parseText(path: string, text: string): ParsedText {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const [first] = document.errors
  if (first) {
    const { line, col } = lines.linePos(first.pos[0])
    // The parser's own words for what was more than its stack holds.
    if (first.message.startsWith('Maximum call stack')) {
      throw new UserError(
        `${path}:${line}:${col}: expected a config, got lists or maps too deep in each other to be one`,
      )
    }
    throw new UserError(`${path}:${line}:${col}: ${first.message}`, { cause: first })
  }
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  try {
    // An alias is expanded at most 100 times: a small file cannot become a large config.
    return { value: document.toJS({ maxAliasCount: 100 }), locate: (field) => at(offsetOf(document, field)) }
  } catch (error) {
    throw new UserError(`${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** Where a field stands: its key, or the closest thing above it that the file has. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      )
      if (!pair) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (isNode(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return offset
}
