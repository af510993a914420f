/** One step of LSTM and GRU, a unit at a time. */
import { sigmoid } from './functions.ts'
import type { RecurrentKernels } from '../kernels.ts'
import type { Floats } from './floats.ts'

export function referenceRecurrent(f: Floats): RecurrentKernels {
  return {
    lstm(rows, units, steps, gates, before, cells, next, out, ldOut) {
      for (let r = 0; r < rows; r++) {
        const state = r * steps * units
        for (let u = 0; u < units; u++) {
          const at = gates + 4 * state + u
          const [i, forget, o] = [0, 1, 3].map((gate) => sigmoid(f[at + gate * units]!)) as [number, number, number]
          const g = Math.tanh(f[at + 2 * units]!)
          ;[i, forget, g, o].forEach((value, gate) => (f[at + gate * units] = value))
          const old = before === -1 ? 0 : f[before + state + u]!
          const c = forget * old + i * g
          f[cells + state + u] = c
          const h = o * Math.tanh(c)
          if (next !== -1) f[next + state + u] = h
          if (out !== -1) f[out + r * ldOut + u] = h
        }
      }
    },
    lstmBackward(rows, units, steps, gates, before, cells, dh, dc, dgates) {
      for (let r = 0; r < rows; r++) {
        const state = r * steps * units
        for (let u = 0; u < units; u++) {
          const at = 4 * state + u
          const gate = (n: number) => f[gates + at + n * units]!
          const [i, forget, g, o] = [gate(0), gate(1), gate(2), gate(3)]
          const t = Math.tanh(f[cells + state + u]!)
          const d = f[dh + state + u]!
          const carry = f[dc + r * units + u]! + d * o * (1 - t * t)
          const old = before === -1 ? 0 : f[before + state + u]!
          f[dgates + at] = carry * g * i * (1 - i)
          f[dgates + at + units] = carry * old * forget * (1 - forget)
          f[dgates + at + 2 * units] = carry * i * (1 - g * g)
          f[dgates + at + 3 * units] = d * t * o * (1 - o)
          f[dc + r * units + u] = carry * forget
        }
      }
    },
    gru(rows, units, steps, gates, recurrent, bias, before, next, out, ldOut) {
      for (let row = 0; row < rows; row++) {
        const state = row * steps * units
        for (let u = 0; u < units; u++) {
          const at = 3 * state + u
          const own = (gate: number) =>
            f[recurrent + at + gate * units]! + (bias === -1 ? 0 : f[bias + gate * units + u]!)
          const a = own(2)
          f[recurrent + at + 2 * units] = a
          const z = sigmoid(f[gates + at]! + own(0))
          const r = sigmoid(f[gates + at + units]! + own(1))
          const n = Math.tanh(f[gates + at + 2 * units]! + r * a)
          ;[z, r, n].forEach((value, gate) => (f[gates + at + gate * units] = value))
          const h = z * f[before + state + u]! + (1 - z) * n
          if (next !== -1) f[next + state + u] = h
          if (out !== -1) f[out + row * ldOut + u] = h
        }
      }
    },
    gruBackward(rows, units, steps, gates, recurrent, before, dh, previous, accumulate, dgates, drecurrent) {
      for (let row = 0; row < rows; row++) {
        const state = row * steps * units
        for (let u = 0; u < units; u++) {
          const at = 3 * state + u
          const [z, r, n] = [0, 1, 2].map((gate) => f[gates + at + gate * units]!) as [number, number, number]
          const d = f[dh + state + u]!
          const dz = d * (f[before + state + u]! - n) * z * (1 - z)
          const dn = d * (1 - z) * (1 - n * n)
          const dr = dn * f[recurrent + at + 2 * units]! * r * (1 - r)
          ;[dz, dr, dn].forEach((value, gate) => (f[dgates + at + gate * units] = value))
          ;[dz, dr, dn * r].forEach((value, gate) => (f[drecurrent + at + gate * units] = value))
          if (previous !== -1) f[previous + state + u] = (accumulate ? f[previous + state + u]! : 0) + d * z
        }
      }
    },
  }
}
