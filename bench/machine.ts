/** What the figures were measured on. The environment is the same for all contestants. */
import { availableParallelism, cpus, loadavg, release, type } from 'node:os'

const VARIABLES = ['OPENBLAS_CORETYPE', 'BRIGANTINE_BLAS', 'OMP_WAIT_POLICY', 'KMP_BLOCKTIME', 'ATEN_CPU_CAPABILITY']

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly system: string
  readonly node: string
  /** Of the last minute, before the first match. */
  readonly load: number
  readonly environment: Readonly<Record<string, string>>
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  system: `${type()} ${release()}`,
  node: process.version,
  load: loadavg()[0]!,
  environment: Object.fromEntries(VARIABLES.map((name) => [name, process.env[name] ?? '(not set)'])),
})

export function printMachine({ cpu, cores, system, node, load, environment }: Machine): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [
    `${cpu}, ${cores} cores, ${system}, Node ${node}`,
    `load ${load.toFixed(2)}${load > 0.3 ? ': not quiet, figures are not to be trusted' : ''}`,
    variables.join(' '),
  ].join('\n')
}
