import { describe } from 'vitest'
import { compileNarrow } from '../../src/kernels/compile.ts'
import { kernelAvailability, kernelNames } from '../../src/kernels/select.ts'
import { makeBench } from './conformance/bench.ts'
import { gradientConformance } from './conformance/gradient.ts'
import { lossesConformance } from './conformance/losses.ts'
import { matrixConformance } from './conformance/matrix.ts'
import { optimizersConformance } from './conformance/optimizers.ts'
import { rowsConformance } from './conformance/rows.ts'
import { windowsConformance } from './conformance/windows.ts'
import { normsConformance } from './conformance/norms.ts'
import { recurrentConformance } from './conformance/recurrent.ts'
import { sequencesConformance } from './conformance/sequences.ts'

/** All that can be chosen, and as on machines without vectors of 256 bits. */
const kinds = [
  ...kernelNames.map((name) => ({ name, isNarrow: false })),
  ...(['wasm-strict', 'wasm', 'blas'] as const).map((name) => ({ name, isNarrow: true })),
]

for (const { name, isNarrow } of kinds) {
  const availability = kernelAvailability(name)
  const why = availability.available ? '' : ` (${availability.reason})`
  describe.skipIf(!availability.available)(`kernels ${name}${isNarrow ? ', 128 bits' : ''}${why}`, () => {
    const module = isNarrow ? compileNarrow(name === 'wasm-strict' ? name : 'wasm') : undefined
    const make = () => makeBench(name, module)
    matrixConformance(make, name !== 'blas')
    rowsConformance(make)
    lossesConformance(make)
    gradientConformance(make)
    optimizersConformance(make)
    windowsConformance(make)
    normsConformance(make)
    sequencesConformance(make)
    recurrentConformance(make)
  })
}
