/**
 * How a picture looks. Everything has a class, and the classes have colours for light and dark: a picture by itself
 * carries them in its own style, a page states them once. Class names begin with `b-` where they could meet others'.
 *
 * Series colours are told apart with any common colour blindness (blue, orange, green, purple, red, grey; after Okabe
 * and Ito, darkened or lightened to a contrast of 3:1 and more on either ground).
 */

export type SeriesColour = 'blue' | 'sky' | 'orange' | 'green' | 'purple' | 'red' | 'grey'
export type Severity = 'ok' | 'info' | 'warn' | 'fault' | 'fatal'

const LIGHT: Readonly<Record<string, string>> = {
  ground: '#ffffff',
  ink: '#1b2530',
  quiet: '#5d6a77',
  grid: '#e3e8ed',
  edge: '#b9c3cd',
  blue: '#0b6e99',
  sky: '#3f9fc4',
  orange: '#c7640c',
  green: '#1c8560',
  purple: '#7752b3',
  red: '#c02f3f',
  grey: '#8794a1',
}

const DARK: Readonly<Record<string, string>> = {
  ground: '#11171d',
  ink: '#e8edf2',
  quiet: '#9aa8b5',
  grid: '#232d37',
  edge: '#4a5865',
  blue: '#4fb3df',
  sky: '#86cbe8',
  orange: '#f0a04f',
  green: '#58c79c',
  purple: '#b79bec',
  red: '#f2707d',
  grey: '#7d8b98',
}

/** Colours that mean something, by the name of the colour that shows it. */
const MEANING: Readonly<Record<Severity, string>> = {
  ok: 'green',
  info: 'blue',
  warn: 'orange',
  fault: 'red',
  fatal: 'purple',
}

function rules(colours: Readonly<Record<string, string>>, scope: string): string {
  const all = { ...colours, ...Object.fromEntries(Object.entries(MEANING).map(([name, of]) => [name, colours[of]!])) }
  return Object.entries(all)
    .flatMap(([name, colour]) => [
      `${scope}.f-${name}{fill:${colour}}`,
      `${scope}.s-${name}{stroke:${colour};fill:none}`,
      ...(name === 'ink' || name === 'quiet' ? [`${scope}text.${name}{fill:${colour}}`] : []),
    ])
    .join('')
}

export const FONT = "Inter,'Segoe UI','Helvetica Neue','DejaVu Sans',Arial,sans-serif"

/** For a picture by itself, or once for a page. `dark: 'never'` is for paper. */
export function styleSheet(): string {
  return [
    `svg.b-chart{font-family:${FONT}}`,
    rules(LIGHT, 'svg.b-chart '),
    `@media (prefers-color-scheme:dark){${rules(DARK, 'svg.b-chart ')}}`,
  ].join('\n')
}

export const palette = { light: LIGHT, dark: DARK }
