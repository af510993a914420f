import type { Result } from './match.ts'

/** What the contestants say of themselves: versions, threads, libraries. A team's configurations mostly say the same. */
export function printAbout(results: readonly Result[]): string {
  const lines = results.flatMap(({ team, about }) => {
    const facts = Object.entries(about ?? {}).map((fact) => fact.join(' '))
    return facts.length > 0 ? [`${team}: ${facts.join(', ')}`] : []
  })
  return [...new Set(lines)].join('\n')
}
