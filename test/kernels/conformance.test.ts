import { describe } from 'vitest'
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

for (const name of kernelNames) {
  const availability = kernelAvailability(name)
  const why = availability.available ? '' : ` (${availability.reason})`
  describe.skipIf(!availability.available)(`kernels ${name}${why}`, () => {
    const make = () => makeBench(name)
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
