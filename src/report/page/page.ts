/**
 * The report of a run as one HTML file: no script, no network, nothing to serve. What the run was and a verdict in one
 * sentence come first, then the evidence, then what to do next.
 */
import { figure, picture, styleSheet } from '../../chart/index.ts'
import { escapeText } from '../../chart/svg.ts'
import { formatCount, formatDuration, formatMetric } from '../format.ts'
import { figures, wordsOf } from './figures.ts'
import { judge } from './judgement.ts'
import type { Judgement } from './judgement.ts'
import type { RunRecord } from './record.ts'
import { PAGE_STYLE } from './style.ts'

/** Rows of the table of events; the rest is counted. */
const MAX_ROWS = 200

/** @param now milliseconds since 1970: tells a run that goes on from one that fell silent */
export function reportPage(run: RunRecord, now: number): string {
  const verdict = judge(run, now)
  const drawn = figures(run)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>${escapeText(run.name)}: ${escapeText(verdict.word)}</title>
<style>
${PAGE_STYLE}
${styleSheet()}
</style>
</head>
<body>
<main>
${header(run, verdict)}
${facts(run)}
${next(verdict)}
<section aria-label="Evidence">
${drawn.map((one) => `<figure>${figure(one)}<figcaption>${escapeText(one.description)}</figcaption></figure>`).join('\n')}
</section>
${table(run)}
${config(run)}
</main>
</body>
</html>
`
}

/** The same pictures as one SVG file. */
export function reportPicture(run: RunRecord, now: number): string {
  const { sentence } = judge(run, now)
  return picture(figures(run), { title: run.name, subtitle: sentence })
}

function header(run: RunRecord, { severity, word, sentence }: Judgement): string {
  const when = new Date(run.startedAt).toISOString().slice(0, 16).replace('T', ' ')
  return `<header>
<p class="kind">Training run, ${when} UTC</p>
<h1>${escapeText(run.name)} <span class="word ${severity}">${escapeText(word)}</span></h1>
<p class="verdict">${escapeText(sentence)}</p>
</header>`
}

function facts(run: RunRecord): string {
  const { config, data, epochs, epochsInAll } = run
  const atFirst = run.actions.length > 0 ? ' at first' : ''
  const last = Object.entries(epochs.at(-1) ?? {}).filter(([key]) => key !== 'epoch')
  const rows: [string, string][] = [
    [
      'data',
      [data.source, data.rows?.train ? `${formatCount(data.rows.train)} training rows` : ''].filter(Boolean).join(', '),
    ],
    ['model', modelText(config.model)],
    [`optimizer${atFirst}`, optimizerText(config)],
    [`batch size${atFirst}`, String(config.batchSize ?? '')],
    ['epochs', `${epochs.at(-1)?.epoch ?? 0} of ${epochsInAll ?? '?'}`],
    ['steps', formatCount(run.signals.steps)],
    ['time', formatDuration(run.seconds)],
    ...last.map(([key, value]): [string, string] => [key, formatMetric(key, value)]),
    ...Object.entries(run.test?.values ?? {}).map(([key, value]): [string, string] => [
      `test ${key}`,
      formatMetric(key, value),
    ]),
  ]
  const items = rows.filter(([, value]) => value !== '')
  return `<dl class="facts">${items
    .map(([name, value]) => `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`)
    .join('')}</dl>`
}

function modelText(model: unknown): string {
  const layers = (model as { layers?: unknown } | undefined)?.layers
  if (!Array.isArray(layers)) return ''
  const names = layers.map((layer: { type?: unknown; units?: unknown; activation?: unknown }) =>
    [layer.type, layer.units, layer.activation]
      .filter((part) => typeof part === 'string' || typeof part === 'number')
      .join(' '),
  )
  const runs: { name: string; count: number }[] = []
  for (const name of names) {
    const open = runs.at(-1)
    if (open?.name === name) open.count++
    else runs.push({ name, count: 1 })
  }
  return runs.map(({ name, count }) => (count > 1 ? `${count} x ${name}` : name)).join(', ')
}

function optimizerText({ optimizer }: RunRecord['config']): string {
  const { type, learningRate } = (optimizer ?? {}) as { type?: unknown; learningRate?: unknown }
  return typeof type === 'string' ? `${type}, learning rate ${String(learningRate)}` : ''
}

function next({ advice }: Judgement): string {
  if (advice.length === 0) return ''
  return `<section class="next"><h2>What to do next</h2><ul>${advice
    .map((text) => `<li>${escapeText(text)}</li>`)
    .join('')}</ul></section>`
}

/** Verdicts and actions in their order; of one step the verdicts first, since they call for the actions. */
function table({ events, actions }: RunRecord): string {
  const happened = [
    ...events.map(({ step, severity, code, text }) => ({
      step,
      severity: `word ${severity}`,
      word: wordsOf(code),
      text,
    })),
    ...actions.map(({ step, what, text }) => ({ step, severity: 'word', word: what, text })),
  ].sort((a, b) => a.step - b.step)
  if (happened.length === 0) return ''
  const rows = happened
    .slice(0, MAX_ROWS)
    .map(
      ({ step, severity, word, text }) =>
        `<tr><td class="number">${step < 0 ? 'before' : formatCount(step)}</td><td><span class="${severity}">${escapeText(word)}</span></td>` +
        `<td>${escapeText(text)}</td></tr>`,
    )
  const left = happened.length - MAX_ROWS
  const more = left > 0 ? `<p class="kind">and ${formatCount(left)} more</p>` : ''
  return `<section><h2>What happened</h2><table><thead><tr><th class="number">step</th><th>verdict or remedy</th><th>what was seen, and done</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>${more}</section>`
}

function config({ config: all }: RunRecord): string {
  return `<details><summary>The whole configuration</summary><pre>${escapeText(JSON.stringify(all, null, 2))}</pre></details>`
}
