/** The whole suite: 62 faulty configurations in 11 families, 30 healthy ones. */
import { splitOf } from '../case.ts'
import type { Case } from '../case.ts'
import { healthyCases } from './healthy.ts'
import { practice } from './practice.ts'
import { practiceDrawn, practiceFar } from './practice-drawn.ts'
import { practiceHard } from './practice-hard.ts'
import { practiceWide } from './practice-wide.ts'
import { running } from './running.ts'
import { signal } from './signal.ts'
import { units } from './units.ts'

const familyOrder = (id: string) => (id.startsWith('H') ? 99 : Number(id.slice(1, -1)))

/** Left out by `--quick`. */
const slow = new Set(
  'F1d F1g F1h F2d F3g F3h F4e F5b F6f F7a F7d F7f F8d F8e F8f F9a F9b F9c F9d F10b F10d F11b HB HC Hh Hi Hj Hq'.split(
    ' ',
  ),
)

export const isQuick = ({ id }: Case): boolean => !slow.has(id)

export const suite: readonly Case[] = [...signal, ...running, ...units, ...healthyCases].sort(
  (a, b) => familyOrder(a.id) - familyOrder(b.id),
)

export function caseOf(id: string): Case {
  const found = [...suite, ...practice, ...practiceWide, ...practiceHard, ...practiceDrawn, ...practiceFar].find(
    (each) => each.id === id,
  )
  if (!found) throw new Error(`internal: no case ${id} in the suite`)
  return found
}

export { splitOf }
