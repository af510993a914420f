/** Detectors side by side as an SVG picture: recall, precision, what they say of healthy runs, and how soon. */
import { barChart, picture } from '../../src/chart/index.ts'
import type { Drawing } from '../../src/chart/index.ts'
import { OURS } from './assess.ts'
import type { DetectorScore, Share } from './score.ts'

export function drawDetectors(scores: readonly DetectorScore[], subtitle: string): string {
  const shares = (title: string, description: string, of: (score: DetectorScore) => Share): Drawing =>
    barChart({
      title,
      description,
      left: 210,
      x: { label: '%, with its 95 % interval', range: [0, 100] },
      bars: scores.map((score) => {
        const { share, low, high, count, of: total } = of(score)
        const isOurs = score.detector === OURS
        return {
          name: score.detector,
          bold: isOurs,
          parts: [{ value: 100 * (share || 0), colour: isOurs ? 'blue' : 'grey' }],
          interval: [100 * low, 100 * high],
          note: `${count} of ${total}`,
        }
      }),
    })
  return picture(
    [
      shares('Faulty runs that are found', 'Recall by detector.', ({ recall }) => recall),
      shares('Alarms that are right', 'Precision by detector.', ({ precision }) => precision),
      shares('Found faults that are named rightly', 'Diagnosis by detector.', ({ diagnosis }) => diagnosis),
      shares(
        'Healthy runs that are called faulty',
        'False alarms by detector.',
        ({ healthyFlagged }) => healthyFlagged,
      ),
    ],
    { title: 'Gradient health: who finds what', subtitle },
  )
}
