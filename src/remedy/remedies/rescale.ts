/** Weights brought to scale layer by layer, their directions kept (LSUV: Mishkin and Matas 2016, arXiv 1511.06422). */
import { lookInside } from '../look.ts'
import { withValues } from '../patient.ts'
import { activationOf, hiddenDense } from '../tree.ts'
import type { Remedy } from '../remedy.ts'

// Chosen on the tune split's practice cases: node bench/health/practice.ts.
/** Deviations within this factor of the wanted one are left alone. */
const NEAR = 1.25

/** Each hidden dense layer's product gets a root mean square of sqrt(2) before a ReLU, of 1 before the others. */
export const rescale: Remedy = {
  name: 'rescale weights',
  limit: 1,
  async treat({ start, calibration }) {
    const hidden = new Map(hiddenDense(start.model).map(({ path, config }) => [path, config]))
    const factors = new Map<string, number>()
    await lookInside(start, calibration, ({ path, output }) => {
      const config = hidden.get(path)
      if (!config) return 1
      const rms = Math.sqrt(output.reduce((sum, z) => sum + z * z, 0) / output.length)
      const wanted = activationOf(config) === 'relu' ? Math.SQRT2 : 1
      const factor = wanted / rms
      if (!Number.isFinite(factor) || (factor < NEAR && factor > 1 / NEAR)) return 1
      factors.set(path, factor)
      return factor
    })
    if (factors.size === 0) return null
    const values = new Map<string, Float32Array>()
    for (const [path, factor] of factors) {
      for (const name of [`${path}/kernel`, `${path}/bias`]) {
        const before = start.tensors.get(name)?.values
        if (before)
          values.set(
            name,
            before.map((w) => w * factor),
          )
      }
    }
    const changes = [...factors].map(([path, factor]) => `${path}: weights x ${Number(factor.toPrecision(3))}`)
    return { patient: withValues(start, values), changes, then: 'restart' }
  },
}
