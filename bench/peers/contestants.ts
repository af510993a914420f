/** Who takes part: how each is started, and why one cannot be. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { probeBlas } from '../../src/kernels/blas.ts'
import { kernelAvailability } from '../../src/kernels/select.ts'
import { installPeer } from './packages.ts'

export const groups = ['ours', 'torch', 'tfjs', 'jax', 'sklearn'] as const
export type Group = (typeof groups)[number]
/** Who runs networks of other than dense layers. */
export const anyLayers: readonly Group[] = ['ours', 'torch']

export interface Entry {
  readonly name: string
  readonly group: Group
  /** Configurations of one team are compared by its best. */
  readonly team: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Why it cannot run here, if it cannot. May install it. */
  missing(): string | undefined
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Native threads of a process, set before its libraries are loaded. */
const threads = (count: number): Record<string, string> => ({
  OMP_NUM_THREADS: String(count),
  OPENBLAS_NUM_THREADS: String(count),
})

/**
 * glibc keeps what a step frees for the next one, where it would give large pieces back to the system and take them
 * anew: the step of a convolutional network took up to four times as long without. PyTorch's tuning guide advises
 * another allocator for this; jemalloc with the guide's settings was slower here.
 */
const keepMemory = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 25),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 32),
  MALLOC_TOP_PAD_: String(2 ** 26),
}

function ours(kernels: 'wasm' | 'native' | 'blas', workers: number): Entry {
  return {
    name: `ours ${kernels}, ${workers} worker${workers > 1 ? 's' : ''}`,
    group: 'ours',
    team: `ours ${kernels}`,
    command: process.execPath,
    // As it is installed: node would keep a compiler in memory for TypeScript.
    args: [file('../../dist/bench/peers/ours.js'), kernels, String(workers)],
    env: {},
    missing: () => {
      const answer = kernels === 'blas' ? probeBlas() : kernelAvailability(kernels)
      return answer.available ? undefined : answer.reason
    },
  }
}

function javascript(group: Group, name: string, packages: readonly string[], script: string, args: string[]): Entry {
  return {
    name,
    group,
    team: name,
    command: process.execPath,
    args: [file(script), ...args],
    env: {},
    missing: () => packages.map(installPeer).find((reason) => reason !== undefined),
  }
}

function python(group: Group, team: string, how: string, count: number, script: string, args: string[] = []) {
  return (interpreter: string): Entry => ({
    name: `${team}, ${how}`,
    group,
    team,
    command: interpreter,
    args: [file(script), ...args],
    // Only where an address is needed: the processes of DDP find each other on this machine.
    env: { ...threads(count), ...keepMemory, GLOO_SOCKET_IFNAME: 'lo', PYTHONDONTWRITEBYTECODE: '1' },
    missing: () => pythonLacks(interpreter, group === 'torch' ? 'torch' : 'sklearn'),
  })
}

function pythonLacks(interpreter: string, module: string): string | undefined {
  const { status, error } = spawnSync(interpreter, ['-c', `import ${module}`], { stdio: 'ignore' })
  if (error) return `${interpreter} cannot be started; install it, or name another with --python`
  if (status === 0) return undefined
  return `${interpreter} cannot import ${module}; on Debian: apt-get install python3-${module}`
}

export function entries(interpreter: string): Entry[] {
  const wasm = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']
  return [
    ours('blas', 1),
    ours('blas', 2),
    ours('native', 1),
    ours('native', 2),
    ours('wasm', 1),
    ours('wasm', 2),
    python('torch', 'PyTorch', '1 thread', 1, 'pytorch.py', ['1'])(interpreter),
    python('torch', 'PyTorch', '2 threads', 2, 'pytorch.py', ['2'])(interpreter),
    python('torch', 'PyTorch', 'DDP, 2 processes', 1, 'pytorch.py', ['ddp'])(interpreter),
    javascript('tfjs', 'TensorFlow.js wasm', wasm, 'tfjs.ts', ['wasm']),
    javascript('tfjs', 'TensorFlow.js cpu', wasm.slice(0, 1), 'tfjs.ts', ['cpu']),
    javascript('jax', 'jax-js wasm', ['@jax-js/jax'], 'jax.ts', []),
    python('sklearn', 'scikit-learn', '1 thread', 1, 'scikit.py')(interpreter),
    python('sklearn', 'scikit-learn', '2 threads', 2, 'scikit.py')(interpreter),
  ]
}
