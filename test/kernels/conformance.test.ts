import { describe } from 'vitest'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { relaxedSimdAvailable } from '../../src/kernels/wasm.ts'
import { makeBench } from './conformance/bench.ts'
import { gradientConformance } from './conformance/gradient.ts'
import { lossesConformance } from './conformance/losses.ts'
import { matrixConformance } from './conformance/matrix.ts'
import { optimizersConformance } from './conformance/optimizers.ts'
import { rowsConformance } from './conformance/rows.ts'

const names: readonly KernelName[] = ['reference', 'wasm-strict', 'wasm']

for (const name of names) {
  // Without relaxed SIMD the module cannot be compiled: `wasm` is then not offered either.
  describe.skipIf(name === 'wasm' && !relaxedSimdAvailable())(`kernels ${name}`, () => {
    const make = () => makeBench(name)
    matrixConformance(make)
    rowsConformance(make)
    lossesConformance(make)
    gradientConformance(make)
    optimizersConformance(make)
  })
}
