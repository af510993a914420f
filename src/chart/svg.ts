/** SVG as text. Everything that reaches a page goes through `escapeText`: names come from files. */

/** What stands for characters that end a tag or an attribute; control characters, which XML refuses, are left out. */
export function escapeText(text: string): string {
  return text
    .replace(CONTROL, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
}

const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element; `content` is SVG already. Numbers are cut to two digits: a hundredth of a pixel shows nowhere. */
export function tag(name: string, attributes: Attributes, content?: string): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? px(value) : escapeText(value!)}"`)
    .join('')
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`
}

/** A coordinate: at most two digits behind the point. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100)
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end'
  /** Class of its look: see style.ts. */
  readonly look?: string
  readonly size?: number
  readonly bold?: boolean
}

export function label(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { anchor, look = 'ink', size = 11, bold } = style
  return tag(
    'text',
    {
      ...{ x, y, class: look, 'font-size': size },
      'text-anchor': anchor === 'start' ? undefined : anchor,
      'font-weight': bold ? 600 : undefined,
    },
    escapeText(text),
  )
}

export function line(x1: number, y1: number, x2: number, y2: number, look: string, more: Attributes = {}): string {
  return tag('line', { x1, y1, x2, y2, class: look, ...more })
}

export function rectangle(
  x: number,
  y: number,
  width: number,
  height: number,
  look: string,
  more: Attributes = {},
): string {
  return tag('rect', { x, y, width: Math.max(0, width), height: Math.max(0, height), class: look, ...more })
}

/** About how wide a text is, in pixels: no font can be asked. */
export function textWidth(text: string, size = 11): number {
  let units = 0
  for (const c of text)
    units += /[iljtf.,:;|'!()[\] ]/.test(c) ? 0.34 : /[mwMW%@]/.test(c) ? 0.88 : /[A-Z]/.test(c) ? 0.68 : 0.56
  return units * size
}

/** The text where it fits into `width` pixels, else its beginning and an ellipsis. */
export function fitted(text: string, width: number, size = 11): string {
  if (textWidth(text, size) <= width) return text
  let end = text.length
  while (end > 1 && textWidth(text.slice(0, end), size) + 0.7 * size > width) end--
  return `${text.slice(0, end)}…`
}
