/** Compiles the AssemblyScript of assembly/ twice, and puts the modules where `wasm.ts` looks for them. */
import asc from 'assemblyscript/asc'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'assembly')
const distFolder = join(import.meta.dirname, '../../dist/src/kernels/assembly')

async function compile(file: string, features: string): Promise<void> {
  const { error, stderr } = await asc.main([
    'index.ts',
    '--baseDir',
    folder,
    '--outFile',
    file,
    '--enable',
    features,
    '--importMemory',
    '--sharedMemory',
    '--maximumMemory',
    '65536',
    '--runtime',
    'stub',
    '--use',
    'abort=',
    '-O3',
    '--noAssert',
  ])
  if (error) throw new Error(`Could not compile ${file}:\n${stderr.toString()}`, { cause: error })
  await mkdir(distFolder, { recursive: true })
  await copyFile(join(folder, file), join(distFolder, file))
}

await compile('kernels-strict.wasm', 'simd,threads')
await compile('kernels-relaxed.wasm', 'simd,threads,relaxed-simd')
