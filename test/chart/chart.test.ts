import { inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { barChart, envelope, figure, heatMap, lineChart, matrix, picture, timeLine } from '../../src/chart/index.ts'
import { pngAddress } from '../../src/chart/png.ts'
import { linearScale, logScale } from '../../src/chart/scale.ts'
import { escapeText } from '../../src/chart/svg.ts'

const HOSTILE = `</title><script>alert('1')</script>"&\u0000`

describe('scales', () => {
  it('put round ticks inside the range, in order', () => {
    const range = fc.tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    )
    fc.assert(
      fc.property(range, ([min, span]) => {
        const { ticks } = linearScale([min, min + span], [0, 500], 5)
        expect(ticks.length).toBeLessThanOrEqual(7)
        const slack = 1e-8 * (Math.abs(min) + span)
        ticks.forEach((tick, i) => {
          expect(tick).toBeGreaterThanOrEqual(min - slack)
          expect(tick).toBeLessThanOrEqual(min + span + slack)
          if (i > 0) expect(tick).toBeGreaterThan(ticks[i - 1]!)
        })
      }),
    )
  })

  it('on a log scale have no place for zero and below', () => {
    const scale = logScale([0.01, 100], [0, 400])
    expect([scale.at(0.01), scale.at(1), scale.at(100)]).toEqual([0, 200, 400])
    expect(scale.at(0)).toBeNaN()
    expect(scale.at(-1)).toBeNaN()
    expect(scale.ticks.map(scale.text)).toEqual(['0.01', '0.1', '1', '10', '100'])
  })
})

describe('envelope', () => {
  it('keeps the least and the greatest of a million steps in few columns', () => {
    const n = 1_000_000
    const y = new Float32Array(n).fill(1)
    y[123_456] = 1e6
    y[654_321] = 1e-6
    const { x, low, high } = envelope({ x: Float64Array.from({ length: n }, (_, i) => i), y }, 500)
    expect(x.length).toBe(500)
    expect(Math.max(...high)).toBe(1e6)
    expect(Math.min(...low)).toBeCloseTo(1e-6, 12)
  })

  it('passes few points on as they are, with gaps where nothing is usable', () => {
    const found = envelope({ x: [1, 2, 3], y: [5, NaN, 0] }, 100, (y) => y > 0)
    expect(found).toEqual({ x: [1, 2, 3], y: [5, NaN, NaN], low: [5, NaN, NaN], high: [5, NaN, NaN] })
  })
})

/** Tags open and close in order, and no bare `&` or `<` is left: what an XML reader would refuse. */
function checkXml(text: string): void {
  const open: string[] = []
  for (const [, closing, name, , selfClosing] of text.matchAll(
    /<(\/?)([a-zA-Z]+)((?:\s[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (closing) expect(open.pop()).toBe(name)
    else if (!selfClosing) open.push(name!)
  }
  expect(open).toEqual([])
  const rest = text.replace(/<style>[^<]*<\/style>/g, '').replace(/<\/?[a-zA-Z]+(?:\s[\w:-]+="[^"<]*")*\s*\/?>/g, '')
  expect(rest).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#39);)/)
}

describe('charts', () => {
  const axes = { x: { label: HOSTILE }, y: { kind: 'log' as const, label: HOSTILE } }
  const drawings = [
    lineChart({
      ...{ title: HOSTILE, description: HOSTILE, ...axes },
      series: [
        { name: HOSTILE, colour: 'blue', x: [0, 1, 2], y: [1, NaN, 3], low: [0.5, NaN, 2], high: [2, NaN, 4] },
        { name: 'b', colour: 'red', x: [0], y: [0] },
      ],
      marks: [{ x: 1, severity: 'fault', text: HOSTILE }],
      references: [{ y: 2, text: HOSTILE }],
    }),
    heatMap({
      ...{ title: 'h', description: 'd', unit: HOSTILE, rows: [HOSTILE, 'b'], x: {}, at: [0, 1, 2] },
      values: [
        [1, 0, Infinity],
        [NaN, NaN, 1e-8],
      ],
    }),
    timeLine({
      ...{ title: 't', description: 'd', x: {} },
      rows: [{ name: HOSTILE, spans: [{ from: 1, to: 2, colour: 'fault', text: HOSTILE }] }],
    }),
    matrix({
      ...{ title: 'm', description: 'd', unit: HOSTILE, rows: [HOSTILE, 'b'], columns: [HOSTILE, 'c'] },
      counts: [
        [3, 1],
        [0, 0],
      ],
    }),
    barChart({
      ...{ title: 'b', description: 'd', x: { kind: 'log' } },
      bars: [{ name: HOSTILE, parts: [{ value: 3, colour: 'grey', text: HOSTILE }], note: HOSTILE, interval: [2, 4] }],
    }),
  ]

  it('escape whatever comes from files', () => {
    expect(escapeText(HOSTILE)).toBe('&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;')
    const whole = picture(drawings, { title: HOSTILE, subtitle: HOSTILE, notes: [HOSTILE] })
    expect(whole).not.toContain('<script')
    checkXml(whole)
    drawings.map(figure).forEach(checkXml)
  })

  it('have no number that is none in them', () => {
    for (const { body } of drawings) expect(body.replace(/>[^<]*</g, '><')).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('are drawn without any data too', () => {
    const empty = [
      lineChart({ title: 'l', description: '', x: {}, y: { kind: 'log' }, series: [] }),
      heatMap({ title: 'h', description: '', unit: '', rows: [], x: {}, at: [], values: [] }),
      timeLine({ title: 't', description: '', x: {}, rows: [] }),
      matrix({ title: 'm', description: '', unit: '', rows: [], columns: [], counts: [] }),
      barChart({ title: 'b', description: '', x: {}, bars: [] }),
    ]
    for (const { body } of empty) expect(body).not.toMatch(/NaN|Infinity|undefined/)
    checkXml(picture(empty, { title: 'nothing' }))
  })

  it('stay small for 60 layers over many steps', () => {
    const columns = 5000
    const values = Array.from({ length: 60 }, (_, r) =>
      Array.from({ length: columns }, (_, c) => 10 ** Math.sin(r * c)),
    )
    const at = Array.from({ length: columns }, (_, c) => c)
    const { body } = heatMap({
      title: 'h',
      description: '',
      unit: '',
      rows: values.map((_, r) => `l${r}`),
      x: {},
      at,
      values,
    })
    expect(body.length).toBeLessThan(120_000)
  })
})

describe('pngAddress', () => {
  it('is a PNG whose rows are the pixels', () => {
    const pixels = Uint8Array.from([0, 1, 2, 1, 1, 0])
    const address = pngAddress(3, 2, pixels, [
      [0, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
    ])
    const file = Buffer.from(address.slice('data:image/png;base64,'.length), 'base64')
    expect(file.subarray(1, 4).toString()).toBe('PNG')
    const at = file.indexOf('IDAT')
    const rows = inflateSync(file.subarray(at + 4, at + 4 + file.readUInt32BE(at - 4)))
    expect([...rows]).toEqual([0, 0, 1, 2, 0, 1, 1, 0])
  })
})
