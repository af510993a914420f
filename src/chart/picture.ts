/** From drawings to a file: one below the other, with a title, as an SVG that stands by itself; or one for a page. */
import type { Drawing } from './frame.ts'
import { styleSheet } from './style.ts'
import { escapeText, fitted, label, px, rectangle, tag } from './svg.ts'

export interface Picture {
  readonly title: string
  readonly subtitle?: string
  /** Lines below all drawings: where the figures are from. */
  readonly notes?: readonly string[]
}

const MARGIN = 24
const GAP = 18

/** A whole file, which follows the reader's preference for light or dark where the viewer knows it. */
export function picture(drawings: readonly Drawing[], { title, subtitle, notes = [] }: Picture): string {
  const width = Math.max(320, ...drawings.map((one) => one.width))
  let y = MARGIN + 18 + (subtitle ? 20 : 0) + GAP
  const placed: string[] = []
  for (const one of drawings) {
    placed.push(tag('g', { transform: `translate(${MARGIN} ${px(y)})` }, one.body))
    y += one.height + GAP
  }
  const below = notes.map((note, i) => label(MARGIN, y + 6 + i * 16, note, { look: 'quiet' }))
  const height = y + notes.length * 16 + MARGIN - GAP
  const heads = [label(MARGIN, MARGIN + 14, title, { size: 19, bold: true })]
  if (subtitle) heads.push(label(MARGIN, MARGIN + 36, fitted(subtitle, width * 1.06), { look: 'quiet', size: 12 }))
  const described = drawings.map((one) => `${one.title}: ${one.description}`).join(' ')
  const all = [heads, placed, below].flat().join('\n')
  const ground = rectangle(0, 0, width + 2 * MARGIN, height, 'f-ground')
  return `${svg(width + 2 * MARGIN, height, title, described, `<style>${styleSheet()}</style>\n${ground}\n${all}`)}\n`
}

/** One drawing for a page that has `styleSheet()` in its head. It grows and shrinks with the page. */
export function figure({ width, height, title, description, body }: Drawing): string {
  return svg(width, height, title, description, body)
}

function svg(width: number, height: number, title: string, description: string, body: string): string {
  const [w, h] = [px(width), px(height)]
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="b-chart" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" ` +
    `role="img" aria-label="${escapeText(`${title}. ${description}`)}">\n${body}\n</svg>`
  )
}
