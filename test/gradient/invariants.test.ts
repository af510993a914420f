/** What the detector and the remedies keep to, whatever comes, and the property test that tries each. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Number, statement, file, and the beginning of the test's title. */
const invariants: readonly (readonly [number, string, ...(readonly [file: string, title: string][])])[] = [
  [
    ...([36, 'loss and gradients times 2^k: the same verdicts'] as const),
    ['gradient/health', 'do not depend on the unit of the loss'],
    ['gradient/detector', 'does not see the unit of the loss'],
  ],
  [
    37,
    'state saved and loaded at any step: the same verdicts',
    ['gradient/health', 'are the same after the state was kept'],
  ],
  [38, 'what is not finite enters no baseline', ['gradient/health', 'do not remember what was not finite']],
  [39, 'constant, zero and short streams: no spike, no NaN', ['gradient/health', 'are silent on constant']],
  [
    ...([40, 'a larger spike is never milder, its coefficient never larger'] as const),
    ['gradient/detector', 'is monotone'],
    ['gradient/decide', 'is monotone'],
  ],
  [41, 'noise raises no alarm to speak of', ['gradient/health', 'call no explosion in 10,000 steps']],
  [
    42,
    'a tenfold level is seen within 10 steps, growth by 1.05 within 45',
    ['gradient/health', 'see a tenfold level within 10 steps'],
  ],
  [
    43,
    'one alarm per cool-down, none raised and cleared at once',
    ['gradient/health', 'is raised at most once in a cool-down'],
    ['gradient/health', 'of one code and severity are at least a cool-down apart'],
  ],
  [44, 'median and MAD as by sorting', ['gradient/detector', 'gives the median and MAD of a sort-based reference']],
  [
    ...([45, 'silent units are those that no sample activated; leaky ones never are'] as const),
    ['train/silence', 'counts a unit as silent exactly'],
    ['train/watch', 'calls no unit silent that is never quite 0'],
  ],
  [
    ...([46, 'names of layers and the number of workers change no verdict'] as const),
    ['train/watch', 'says the same of layers with other names'],
    ['train/watch', 'changes no bit, and gives the same verdicts'],
  ],
  [
    47,
    'what has learnt its data neither vanishes nor stalls',
    ['gradient/health', 'of vanishing and stalling are not raised'],
  ],
  [
    48,
    'the noise scale is 0 for equal parts, and without bias',
    ['gradient/noise-scale', 'is 0 where all parts'],
    ['gradient/noise-scale', 'has both its parts without bias'],
  ],
  [49, 'a skipped batch never happened', ['train/undo', 'to the bit, in weights']],
  [
    50,
    'a state gone back to is that state, and what follows its trajectory',
    ['train/undo', 'to the bit, and the batches after it'],
  ],
  [
    51,
    'revived units and PReLU keep every output, batch norm nearly',
    ['remedy/remedies', 'revive silent units'],
    ['remedy/remedies', 'ReLU to PReLU'],
    ['remedy/remedies', 'a zero shortcut leaves only'],
    ['remedy/remedies', 'leaves the outputs as they were to 1e-5'],
  ],
  [52, 'new weights have their variance, no two units are alike', ['remedy/remedies', 'new weights have the variance']],
  [53, 'remedies end', ['remedy/ladder', 'has an end for any sequence'], ['train/repair', 'ends in time whatever']],
  [54, 'the detector changes no bit', ['train/watch', 'changes no bit, and gives']],
]

test('invariants 36 to 54 each have property tests', () => {
  expect(invariants.map(([number]) => number)).toEqual(Array.from({ length: 19 }, (_, i) => 36 + i))
  for (const [number, , ...tests] of invariants) {
    for (const [file, title] of tests) {
      const text = readFileSync(new URL(`../${file}.test.ts`, import.meta.url), 'utf8')
      // Each piece from one title to the next is a test.
      const bodies = text.split(/\b(?:it|test)\(\s*['"`]/)
      const body = bodies.find((found) => found.startsWith(title))
      expect(body, `${number}: ${file}, ${title}`).toMatch(/fc\.(async)?[pP]roperty\(/)
    }
  }
})
