import { afterEach, expect, test, vi } from 'vitest'
import { createProgress, epochLine, progressLine, type ProgressView } from '../../src/report/progress.ts'

const view: ProgressView = {
  epoch: 2,
  epochs: 10,
  step: 25,
  totalSteps: 100,
  loss: 0.25,
  logs: { loss: 0.3, acc: 0.975, val_loss: 0.4 },
  samplesPerSecond: 12_345,
  gradNorm: 0.5,
  health: 'healthy',
  skipped: 0,
  secondsLeft: 75,
}

/** A stream that keeps what is written. */
function stream(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, columns: 100, written, write: (text: string) => written.push(text) }
}

afterEach(() => vi.unstubAllEnvs())

test('a terminal that does not tell its width (0 columns) is taken for a wide one', () => {
  const terminal = { ...stream(true), columns: 0 }
  createProgress(terminal).update(view)
  expect(terminal.written.join('')).toContain(progressLine(view))
})

test('the live line has epoch, loss, metrics, speed, gradient norm, health and time left', () => {
  // 25 of 100 steps are 3 of 12 places of the bar.
  expect(progressLine(view)).toBe(
    'epoch 3/10  [===         ]  loss 0.2500  acc 97.50 %  12.3k samples/s  |grad| 0.5000  healthy  1 min 15 s left',
  )
  expect(progressLine({ ...view, health: 'spike', skipped: 2 })).toContain('  spike (2 skipped)  ')
})

test('the live line is never wider than the terminal', () => {
  for (let width = 1; width < 130; width++) expect(progressLine(view, width).length).toBeLessThanOrEqual(width)
  expect(progressLine(view, 4)).toBe('epo…')
})

test('what matters least is left out first: the bar, then speed and gradient norm', () => {
  expect(progressLine(view, 100)).toBe(
    'epoch 3/10  loss 0.2500  acc 97.50 %  12.3k samples/s  |grad| 0.5000  healthy  1 min 15 s left',
  )
  expect(progressLine(view, 70)).toBe('epoch 3/10  loss 0.2500  acc 97.50 %  healthy  1 min 15 s left')
})

test('a terminal gets one line that is redrawn in place and removed at the end', () => {
  vi.stubEnv('TERM', 'xterm')
  const out = stream(true)
  const progress = createProgress(out)
  progress.update(view)
  progress.update(view)
  progress.epochEnd(2, 10, { loss: 0.25 })
  progress.close()
  // The second update comes within a tenth of a second: it is not drawn.
  expect(out.written).toEqual([`\r\x1b[K${progressLine(view, 99)}`, '\r\x1b[K'])
})

test('without a terminal there is one plain line per epoch and no control character', () => {
  const out = stream(false)
  const progress = createProgress(out)
  progress.update({ ...view, health: 'spike' })
  progress.epochEnd(2, 10, { loss: 0.25, val_acc: 0.5 })
  progress.note('stopping')
  progress.close()
  expect(out.written).toEqual(['epoch 3/10  loss 0.2500  val_acc 50.00 %\n', 'stopping\n'])
  expect(epochLine(2, 10, { loss: 0.25, val_acc: 0.5 })).toBe('epoch 3/10  loss 0.2500  val_acc 50.00 %')
})

test('NO_COLOR takes the colour away', () => {
  vi.stubEnv('TERM', 'xterm')
  const draw = () => {
    const out = stream(true)
    createProgress(out).update({ ...view, health: 'spike' })
    return out.written.join('')
  }
  vi.stubEnv('NO_COLOR', '')
  expect(draw()).toContain('\x1b[33m')
  vi.stubEnv('NO_COLOR', '1')
  expect(draw()).not.toContain('\x1b[33m')
})

test('quiet: notes only', () => {
  const out = stream(true)
  const progress = createProgress(out, { quiet: true })
  progress.update(view)
  progress.epochEnd(0, 1, { loss: 1 })
  progress.note('event')
  progress.close()
  expect(out.written).toEqual(['event\n'])
})
