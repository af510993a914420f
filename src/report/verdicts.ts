/** Verdicts for a terminal: what is wrong, why, and what helps. */
import type { HealthVerdict } from '../gradient/verdict.ts'

export function verdictsText(verdicts: readonly HealthVerdict[]): string {
  if (verdicts.length === 0) return 'Nothing stands out: signals, weights, data and learning rate are in scale.'
  return verdicts.map(verdictText).join('\n\n')
}

function verdictText({ code, severity, sentence, remedies }: HealthVerdict): string {
  const lines = [`${severity}: ${code}`, `  ${sentence}`]
  if (remedies.length > 0) lines.push(`  Try: ${remedies.join('; ')}.`)
  return lines.join('\n')
}
