/** The page says what a run's files say, for runs that ended, stopped, were killed or go on; and nothing in them is run. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { judge } from '../../src/report/page/judgement.ts'
import { reportPage, reportPicture } from '../../src/report/page/page.ts'
import { readRun } from '../../src/report/page/record.ts'
import { SignalLog } from '../../src/train/signals.ts'

const folder = mkdtempSync(join(tmpdir(), 'brigantine-report-'))
afterAll(() => rmSync(folder, { recursive: true }))

const HOSTILE = '</title><script>alert(1)</script>'
const START = 1_750_000_000_000
const STEPS = 400

function signalsOf(loss: (step: number) => number, rate: (step: number) => number): SignalLog {
  const log = new SignalLog()
  log.layers = [HOSTILE, 'dense_2']
  for (let step = 0; step < STEPS; step++) {
    log.numbers(step, ['loss'], [loss(step)])
    log.numbers(step, ['learningRate'], [rate(step)])
    log.numbers(step, ['gradNorm'], [2])
    log.numbers(step, ['gradNormAfterClip'], [1])
  }
  for (let step = 99; step < STEPS; step += 100) log.profile(step, 'layerGradNorm', [step > 200 ? 0 : 1e-3, 1])
  return log
}

interface Files {
  readonly loss?: (step: number) => number
  readonly rate?: (step: number) => number
  readonly lines?: readonly object[]
  readonly tail?: string
}

let count = 0
/** A run's folder as `train` leaves it: four epochs of 100 steps. */
function leave({ loss = (step) => 2 / (1 + step / 50), rate = () => 0.1, lines = [], tail = '' }: Files = {}): string {
  const path = mkdtempSync(join(folder, `run-${count++}-`))
  const config = {
    batchSize: 10,
    epochs: 4,
    clip: { mode: 'globalNorm', maxNorm: 1 },
    model: { layers: [{ type: HOSTILE }] },
  }
  const start = { event: 'start', time: START, config, data: { source: HOSTILE, rows: { train: 1000 } } }
  const epochs = [1, 2, 3, 4].map((epoch) => ({
    event: 'epoch',
    time: START + epoch,
    epoch,
    loss: 1 / epoch,
    acc: 0.9,
  }))
  const all = [start, ...epochs, ...lines].map((line) => JSON.stringify(line))
  writeFileSync(join(path, 'log.jsonl'), `${all.join('\n')}\n${tail}`)
  writeFileSync(join(path, 'signals.bin'), signalsOf(loss, rate).toBytes())
  return path
}

const END = { event: 'end', time: START + 9, stopped: 'completed', seconds: 2, skipped: 0 }
const LATER = Date.now() + 1e9

describe('the verdict', () => {
  const verdict = (files: Files, now = LATER) => judge(readRun(leave(files)), now)

  test('of a healthy run says how far the loss fell', () => {
    const { severity, word, sentence } = verdict({ lines: [END] })
    expect([severity, word]).toEqual(['ok', 'healthy'])
    expect(sentence).toMatch(
      /^Loss fell from 1\.9\d+ to 0\.22\d+ in 400 steps, acc 90\.00 %; no step was out of the ordinary\.$/,
    )
  })

  test('of a run that did not learn is a fault, with advice', () => {
    const { severity, word, advice } = verdict({ loss: () => 2.3, lines: [END] })
    expect([severity, word]).toEqual(['fault', 'not learning'])
    expect(advice.length).toBeGreaterThan(0)
  })

  test('of a run with a fault that nothing was done about names it', () => {
    const health = { event: 'health', step: 4, code: 'GRAD_VANISHING', severity: 'fault', text: 'It vanishes.' }
    const { severity, word, sentence } = verdict({ lines: [health, END] })
    expect([severity, word]).toEqual(['fault', 'trained, with faults'])
    expect(sentence).toMatch(/acc 90\.00 %\. It vanishes\.$/)
    expect(verdict({ loss: () => 2.3, lines: [health, END] }).sentence).toMatch(
      /^Nothing was learnt: .+\. It vanishes\.$/,
    )
  })

  test('advises on a rate that was raised just before a run ran away, and on no other', () => {
    const health = { event: 'health', step: 310, code: 'GRAD_EXPLODING', severity: 'fault', text: 'it explodes' }
    const raised = (at: number) =>
      verdict({ rate: (step) => (step < at ? 0.1 : 6), lines: [health, END] }).advice.join()
    expect(raised(300)).toContain('raised the learning rate from 0.1000 to 6 at step 300')
    for (const at of [0, 200, 320]) expect(raised(at), String(at)).not.toContain('raised')
  })

  test('of a run that was mended says how, and advises to begin so: not against what is no more', () => {
    const health = { event: 'health', step: 4, code: 'GRAD_EXPLODING', severity: 'fault', text: 'it explodes' }
    const action = { event: 'action', step: 4, verdict: 'GRAD_EXPLODING' }
    const tried = { ...action, remedy: 'tame the rate to 1 %', outcome: 'tried', text: 'was tried.' }
    const kept = { ...action, remedy: 'use Adam', outcome: 'pending', text: 'optimizer sgd -> adam.' }
    const lines = [health, tried, kept, END]
    const { word, sentence, advice } = verdict({ lines })
    expect(word).toBe('trained, with events')
    expect(sentence).toMatch(/; treated on the way: use Adam\.$/)
    expect(advice.join()).toContain('optimizer sgd -> adam.')
    expect(advice.join()).not.toMatch(/was tried|halve the learning rate/)
    const page = reportPage(readRun(leave({ lines })), LATER)
    const at = ['it explodes', 'was tried.', 'optimizer sgd -&gt; adam.'].map((text) => page.lastIndexOf(text))
    expect(at).toEqual(at.toSorted((a, b) => a - b))
    expect(verdict({ lines: [{ ...health, severity: 'warn' }, END] }).sentence).not.toContain('ordinary')
  })

  test('of a remedy that was taken back later does not say that it stayed', () => {
    const action = { step: 4, verdict: 'GRAD_EXPLODING', remedy: 'cut the learning rate' }
    const told = { event: 'action', ...action, outcome: 'pending', text: 'the rate is cut.' }
    const again = { ...told, step: 90, text: 'the rate is cut again.' }
    const judged = { event: 'outcome', ...action, outcome: 'reverted', text: 'cut, and taken back.' }
    const first = verdict({ lines: [told, judged, END] })
    expect(first.sentence).not.toContain('treated')
    expect(first.advice.join()).not.toContain('the rate is cut')
    const both = readRun(leave({ lines: [told, judged, again, END] }))
    expect(both.actions.map(({ text, isForgotten }) => [text, isForgotten])).toEqual([
      ['cut, and taken back.', true],
      ['the rate is cut again.', false],
    ])
  })

  test('of a run that was stopped is its reason', () => {
    const health = {
      event: 'health',
      step: 12,
      code: 'NONFINITE_GRAD',
      severity: 'fatal',
      decision: 'stop',
      text: 'why',
    }
    const { word, sentence, advice } = verdict({ lines: [health, { event: 'error', message: 'the reason' }] })
    expect([word, sentence]).toEqual(['stopped for its health', 'the reason'])
    expect(advice.join()).toContain('Lower the learning rate')
  })

  test('tells a run that goes on from one that fell silent', () => {
    expect(verdict({}, Date.now()).word).toBe('running')
    expect(verdict({}, LATER).word).toBe('interrupted')
  })

  test('names layers that no gradient reached', () => {
    expect(verdict({ lines: [END] }).advice.join()).toContain(`No gradient reached ${HOSTILE} by step 399`)
  })
})

describe('the page', () => {
  test('holds nothing that runs or is fetched, whatever the files say', () => {
    const health = { event: 'health', step: 5, code: HOSTILE, severity: 'warn', decision: 'skip', text: HOSTILE }
    const run = readRun(leave({ lines: [health, { ...END, stopped: HOSTILE }] }))
    for (const text of [reportPage(run, LATER), reportPicture(run, LATER)]) {
      expect(text).not.toMatch(/<script|<link|javascript:|url\((?!#)|@import/i)
      expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/(href|src)="(?!data:image\/png)[^"#]/)
    }
  })

  test('shows loss, norms before and after clipping, layers, events and the config', () => {
    const health = { event: 'health', step: 5, code: 'GRAD_SPIKE', severity: 'warn', decision: 'skip', text: 'a spike' }
    const page = reportPage(readRun(leave({ lines: [health, END] })), LATER)
    for (const part of [
      'Loss',
      'before clipping',
      'clip at 1',
      'Gradient by layer',
      'gradient spike',
      'a spike',
      'maxNorm',
    ]) {
      expect(page).toContain(part)
    }
  })

  test('places epochs where they ended, and counts those that batches of another size made of the run', () => {
    const steps = (end: number) => ({ event: 'epoch', time: START + 5, epoch: 5, steps: end, loss: 0.1, acc: 0.95 })
    const run = readRun(leave({ lines: [steps(390), { ...END, epochs: 23 }] }))
    expect(run.epochEnds).toEqual([80, 160, 240, 320, 390])
    expect(reportPage(run, LATER)).toContain('5 of 23')
    expect(reportPage(readRun(leave()), LATER)).toContain('4 of 4')
  })

  test('draws what the test confused, but nothing from a matrix that is none', () => {
    const confusion = { classes: ['cat', HOSTILE], counts: [[31, 7], [2, 40]], undecided: [0, 0] } // prettier-ignore
    const line = { event: 'test', loss: 0.1, acc: 0.875, confusion }
    const page = reportPage(readRun(leave({ lines: [END, line] })), LATER)
    for (const part of ['71 of 80 rows lie on the diagonal', '>31<', 'test acc', '87.50 %'])
      expect(page).toContain(part)
    expect(page).not.toMatch(/<script/i)
    for (const counts of [
      [[1, 2]],
      [[1], [2]],
      'x',
      [
        ['1', 2],
        [3, 4],
      ],
    ]) {
      // prettier-ignore
      const altered = { ...line, confusion: { ...confusion, counts } }
      const run = readRun(leave({ lines: [END, altered] }))
      expect(run.test).toEqual({ values: { loss: 0.1, acc: 0.875 } })
      expect(reportPage(run, LATER)).not.toContain('lie on the diagonal')
    }
  })

  test('is made of a log that ends in the middle of a line, but not of an altered one', () => {
    const path = leave({ tail: '{"event":"epo' })
    expect(readRun(path).epochs).toHaveLength(4)
    appendFileSync(join(path, 'log.jsonl'), '\n{"event":"end"}\n')
    expect(() => readRun(path)).toThrow(/log\.jsonl, line 6: expected a line of JSON/)
    expect(() => readRun(join(folder, 'nothing'))).toThrow('Name the folder of a run')
  })
})
