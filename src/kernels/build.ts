/** Compiles the AssemblyScript of assembly/ for each kind of machine, and puts the modules where `compile.ts` looks for them. */
import asc from 'assemblyscript/asc'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tileSource } from './tiles.ts'

const folder = join(import.meta.dirname, 'assembly')
const distFolder = join(import.meta.dirname, '../../dist/src/kernels/assembly')

async function compile(name: string, isWide: boolean, features: string): Promise<void> {
  const file = `${name}${isWide ? '-wide' : ''}.wasm`
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
    '--use',
    `WIDE=${isWide ? 1 : 0}`,
    '-O3',
    '--noAssert',
  ])
  if (error) throw new Error(`Could not compile ${file}:\n${stderr.toString()}`, { cause: error })
  await mkdir(distFolder, { recursive: true })
  await copyFile(join(folder, file), join(distFolder, file))
}

await writeFile(join(folder, 'tiles.ts'), tileSource())
for (const isWide of [false, true]) {
  await compile('kernels-strict', isWide, 'simd,threads')
  await compile('kernels-relaxed', isWide, 'simd,threads,relaxed-simd')
}
