/** The few shapes our pictures are made of, as SVG text. Coordinates in pixels; everything from outside is escaped. */

export const INK = '#1c2733'
export const QUIET = '#6b7885'
export const LINE = '#dfe4e9'
export const PAPER = '#ffffff'
/** Ours, and what is set beside it. */
export const OURS = '#0b6e99'
export const OURS_LIGHT = '#46a6c9'
export const OTHER = '#b4bec8'
export const ALARM = '#c2412d'

const FONT = "Inter, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"

export const escapeXml = (content: string): string =>
  content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

export interface TextStyle {
  readonly size?: number
  readonly fill?: string
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, fill = INK, anchor = 'start', bold } = style
  const weight = bold ? ' font-weight="600"' : ''
  const at = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<text ${at} font-size="${size}" fill="${fill}" text-anchor="${anchor}"${weight}>${escapeXml(content)}</text>`
}

export function rect(x: number, y: number, width: number, height: number, fill: string, more = ''): string {
  const at = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<rect ${at} width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${fill}"${more}/>`
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke = LINE, more = ''): string {
  const at = [x1, y1, x2, y2].map((v) => v.toFixed(1))
  return `<line x1="${at[0]}" y1="${at[1]}" x2="${at[2]}" y2="${at[3]}" stroke="${stroke}"${more}/>`
}

/** A line through points, broken where one is not finite. */
export function polyline(points: readonly (readonly [number, number])[], stroke: string, more = ''): string {
  let pen = 'M'
  let d = ''
  for (const [x, y] of points) {
    if (Number.isFinite(x) && Number.isFinite(y)) {
      d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
      pen = 'L'
    } else pen = 'M'
  }
  return `<path d="${d}" fill="none" stroke="${stroke}"${more}/>`
}

export const dot = (x: number, y: number, radius: number, fill: string): string =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${fill}"/>`

/** A whole picture. `title` is what a screen reader says of it. */
export function picture(width: number, height: number, title: string, shapes: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `role="img" font-family="${FONT}">`,
    `<title>${escapeXml(title)}</title>`,
    rect(0, 0, width, height, PAPER),
    ...shapes,
    '</svg>\n',
  ].join('\n')
}
