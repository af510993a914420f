import { probeBlas } from '../kernels/blas.ts'
import { compileWide } from '../kernels/compile.ts'
import { probeNative } from '../kernels/native.ts'
import { findMpirun } from '../native/libraries.ts'
import { findMpiLibrary } from '../native/mpi/find.ts'
import { readLimits, usableCores, usableMemory, type Limits } from '../native/limits.ts'
import { formatBytes } from './format.ts'

/** One line of `brigantine doctor`: what was found and what to do about it. */
export interface Finding {
  readonly name: string
  readonly value: string
  readonly status: 'ok' | 'note' | 'problem'
  readonly advice: string
}

// Smallest modules that use the feature, as github.com/GoogleChromeLabs/wasm-feature-detect has them.
declare const WebAssembly: { validate(bytes: Uint8Array): boolean }

const HEADER = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0]
const SIMD = [...HEADER, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]
const RELAXED_SIMD = [...HEADER, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11]

export const OLDEST_NODE = '22.18'

/** Everything `doctor` reports. Looks only at this machine; of libraries only MPI's are loaded, to say what they are. */
export function inspectSystem(limits: Limits = readLimits()): Finding[] {
  return [
    node(process.versions.node),
    ...processors(limits),
    ...memory(limits),
    ...threads(limits),
    feature(
      'SIMD',
      SIMD,
      'needed by the kernels `wasm` and `wasm-strict`: use a Node for a 64-bit processor with SIMD',
    ),
    feature('relaxed SIMD', RELAXED_SIMD, 'kernels `wasm` fall back to multiply then add; Node 22 and newer have it'),
    vectors(),
    native(),
    blas(),
    mpi(),
  ]
}

function vectors(): Finding {
  const isWide = compileWide('wasm-strict') !== undefined
  const advice = isWide ? '' : '`wasm` is up to twice as fast in 256 bits: with Node 24 on an x64 processor with AVX2'
  return { name: 'vectors', value: isWide ? '256 bits' : '128 bits', status: isWide ? 'ok' : 'note', advice }
}

export function node(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const fine = major > 22 || (major === 22 && minor >= 18)
  const advice = fine ? '' : `use Node ${OLDEST_NODE} or newer (nodejs.org)`
  return { name: 'Node.js', value: version, status: fine ? 'ok' : 'problem', advice }
}

export function processors(limits: Limits): Finding[] {
  const { available, cpuQuota, cpuset, processors } = limits
  const cores = usableCores(limits)
  const quota = cpuQuota === undefined ? 'none' : `${Number(cpuQuota.toFixed(2))} cores`
  const advice =
    cpuQuota !== undefined && cpuQuota < available
      ? `more than ${cores} worker${cores === 1 ? '' : 's'} would only be throttled; raise the container's limit (docker --cpus)`
      : ''
  return [
    { name: 'cores', value: `${cores} usable of ${processors}`, status: 'ok', advice: "`workers: 'auto'` uses them" },
    { name: 'CPU quota', value: quota, status: advice ? 'note' : 'ok', advice },
    { name: 'cpuset', value: cpuset ?? 'none', status: 'ok', advice: '' },
  ]
}

export function memory(limits: Limits): Finding[] {
  const { memoryBytes, memoryLimitBytes, addressLimitBytes } = limits
  const small = usableMemory(limits) < 2 ** 30
  return [
    { name: 'memory', value: formatBytes(memoryBytes), status: 'ok', advice: '' },
    {
      name: 'memory limit',
      value: memoryLimitBytes === undefined ? 'none' : formatBytes(memoryLimitBytes),
      status: small ? 'note' : 'ok',
      advice: small ? 'check a model with `brigantine plan` before training; lower `batchSize` if it does not fit' : '',
    },
    ...(addressLimitBytes === undefined
      ? []
      : [
          {
            name: 'address limit',
            value: formatBytes(addressLimitBytes),
            status: 'note' as const,
            advice:
              'V8 reserves far more addresses than it uses, and ends the process where there are none: `ulimit -v unlimited`; ' +
              'memory is limited by a control group',
          },
        ]),
  ]
}

export function threads({ pidsLimit }: Limits): Finding[] {
  const low = pidsLimit !== undefined && pidsLimit < 128
  const advice = low ? 'a worker takes about 5 threads; raise it (docker --pids-limit) or set `workers` low' : ''
  return [
    {
      name: 'process limit',
      value: pidsLimit === undefined ? 'none' : String(pidsLimit),
      status: low ? 'note' : 'ok',
      advice,
    },
  ]
}

export function feature(name: string, bytes: readonly number[], advice: string): Finding {
  const present = WebAssembly.validate(new Uint8Array(bytes))
  return { name, value: present ? 'yes' : 'no', status: present ? 'ok' : 'problem', advice: present ? '' : advice }
}

function native(): Finding {
  const answer = probeNative()
  const value = answer.available ? answer.code.set : `none: ${answer.reason}`
  return { name: 'machine code', value, status: 'ok', advice: answer.available ? '' : 'a native BLAS is as fast' }
}

function blas(): Finding {
  const name = 'native BLAS'
  const answer = probeBlas()
  if (answer.available) {
    const { description, path, advice } = answer.library
    return {
      name,
      value: `${description} at ${path}`,
      status: advice === undefined ? 'ok' : 'note',
      advice: advice ?? '',
    }
  }
  const advice = `optional: ${answer.reason}; e.g. apt install libopenblas0-pthread, brew install openblas`
  return { name, value: 'none that works', status: 'note', advice }
}

function mpi(): Finding {
  const answer = findMpiLibrary()
  const mpirun = findMpirun()
  if (!answer.available)
    return { name: 'MPI', value: 'not found', status: 'note', advice: `optional: ${answer.reason}` }
  const { version, path } = answer.library
  return {
    name: 'MPI',
    value: [`${version} (${path})`, ...(mpirun ? [mpirun] : [])].join(', '),
    status: mpirun ? 'ok' : 'note',
    advice: mpirun ? '' : 'its launcher `mpirun` is not on the path; e.g. apt install openmpi-bin',
  }
}
