// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- users without these types need them too
/// <reference path="./webassembly.d.ts" preserve="true" />
/** The arithmetic in WebAssembly: speaks `Kernels` for the modules of `compile.ts`. */
import { adamCoefficients } from './coefficients.ts'
import type { WasmVariant } from './compile.ts'
import type {
  Kernels,
  KernelName,
  NormKernels,
  Pointer,
  RecurrentKernels,
  SequenceKernels,
  Window,
  WindowKernels,
} from './kernels.ts'

/** Elements of temporary memory that each instance needs: a block of A and strips of B, as large as any kernels keep. */
export const scratchElements = 163_840

/** The byte address that means "none": the first 64 KiB are no place for floats. */
const NONE = 0

/** A kernel as a module exports it: addresses in bytes (uint32, passed as the int32 of the same bits), flags 0 or 1. */
type Exported<F> = F extends (...args: infer A) => infer R ? (...args: { [I in keyof A]: number }) => R : never

/** Coefficients that come from float64 formulas are computed here and rounded once: these three take them instead. */
type Prepared = 'dropout' | 'adam' | 'rmsprop'

/** A window goes as its numbers, by `setWindow`: the arguments that follow are the kernel's own. */
type Windowed<F> = F extends (w: Window, ...args: infer A) => infer R
  ? (...args: { [I in keyof A]: number }) => R
  : never

type Exports = { [K in Exclude<keyof Kernels, 'name' | Prepared | keyof WindowKernels>]: Exported<Kernels[K]> } & {
  [K in Prepared]: (...args: number[]) => ReturnType<Kernels[K]>
} & { [K in keyof WindowKernels]: Windowed<WindowKernels[K]> } & {
  setWindow(...numbers: number[]): void
  SCRATCH_BYTES: WebAssembly.Global
  setScratch(address: number): void
}

/**
 * Kernels on `memory` (shared; its first 64 KiB are the modules'). `scratch`: the first of `scratchElements` elements
 * that nobody else uses while this instance works; workers that share a memory have one each.
 */
export function instantiateKernels(
  name: WasmVariant,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  scratch: Pointer,
): Kernels {
  const e = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports
  if (Number(e.SCRATCH_BYTES.value) > scratchElements * 4) {
    throw new Error(`internal: ${name} needs ${e.SCRATCH_BYTES.value} bytes of scratch, not ${scratchElements * 4}`)
  }
  e.setScratch(scratch << 2)
  // Elements to bytes by << 2: a module takes the int32 of the same bits as the uint32 address.
  return {
    name: name satisfies KernelName,
    matmul: (transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) =>
      e.matmul(+transA, +transB, m, n, k, a << 2, lda, b << 2, ldb, c << 2, ldc, +accumulate),
    transpose: (rows, cols, x, ldx, y, ldy) => e.transpose(rows, cols, x << 2, ldx << 2, y << 2, ldy << 2),
    biasActivate: (kind, rows, cols, x, ld, bias, alpha) =>
      e.biasActivate(kind, rows, cols, x << 2, ld, bias << 2, alpha),
    columnSums: (rows, cols, x, out, accumulate) => e.columnSums(rows, cols, x << 2, out << 2, +accumulate),
    add: (count, x, y) => e.add(count, x << 2, y << 2),
    fill: (count, value, y) => e.fill(count, value, y << 2),
    copy: (count, x, y) => e.copy(count, x << 2, y << 2),
    activate: (kind, count, x, y, alpha) => e.activate(kind, count, x << 2, y << 2, alpha),
    geluWithSlope: (count, x, y) => e.geluWithSlope(count, x << 2, y << 2),
    activateBackward: (kind, rows, cols, ld, saved, dy, dx, alpha) =>
      e.activateBackward(kind, rows, cols, ld, saved << 2, dy << 2, dx << 2, alpha),
    prelu: (rows, cols, x, slopes, y) => e.prelu(rows, cols, x << 2, slopes << 2, y << 2),
    preluBackward: (rows, cols, x, slopes, dy, dx) =>
      e.preluBackward(rows, cols, x << 2, slopes << 2, dy << 2, dx << 2),
    preluSlopes: (rows, cols, x, dy, out, accumulate) =>
      e.preluSlopes(rows, cols, x << 2, dy << 2, out << 2, +accumulate),
    dropout: (rows, cols, x, y, rate, seed, stream, step, firstRow) =>
      e.dropout(rows, cols, x << 2, y << 2, dropoutThreshold(rate), 1 - rate, seed, stream, step, firstRow),
    loss: (kind, rows, cols, outputs, targets, weights, gradient, parameter, second) =>
      e.loss(
        kind,
        rows,
        cols,
        outputs << 2,
        targets << 2,
        weights << 2,
        gradient === -1 ? NONE : gradient << 2,
        parameter,
        second,
      ),
    softmax: (rows, cols, x, y) => e.softmax(rows, cols, x << 2, y << 2),
    ...windowKernels(e),
    ...normKernels(e),
    ...sequenceKernels(e),
    ...recurrentKernels(e),
    sumSquares: (rows, cols, x, ld) => e.sumSquares(rows, cols, x << 2, ld),
    sumSquaredChanges: (rows, cols, x, ld, before) => e.sumSquaredChanges(rows, cols, x << 2, ld, before << 2),
    copyRows: (rows, cols, x, ld, y) => e.copyRows(rows, cols, x << 2, ld, y << 2),
    activeUnits: (rows, cols, x, ld, out) => e.activeUnits(rows, cols, x << 2, ld, out << 2),
    clampedSquares: (count, x, scale, limit) => e.clampedSquares(count, x << 2, scale, limit),
    largestOf: (count, x) => e.largestOf(count, x << 2),
    sumPowers: (count, x, unit, exponent) => e.sumPowers(count, x << 2, unit, exponent),
    reduceLanes: (count, lanes, first, stride, out) => e.reduceLanes(count, lanes, first << 2, stride, out << 2),
    sgd: (count, p, g, v, scale, clip, lr, momentum, nesterov, weightDecay) =>
      e.sgd(count, p << 2, g << 2, v << 2, scale, clip, lr, momentum, +nesterov, weightDecay),
    adam: (
      count,
      p,
      g,
      m,
      v,
      scale,
      clip,
      lr,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      decoupled,
      correction1,
      correction2,
    ) => {
      const c = adamCoefficients(lr, beta1, beta2, weightDecay, decoupled, correction1, correction2)
      return e.adam(
        count,
        p << 2,
        g << 2,
        m << 2,
        v << 2,
        scale,
        clip,
        c.rate,
        beta1,
        c.oneMinusBeta1,
        beta2,
        c.oneMinusBeta2,
        epsilon,
        c.coupledDecay,
        c.decay,
        c.inverseRoot,
      )
    },
    rmsprop: (count, p, g, s, v, scale, clip, lr, rho, epsilon, momentum, weightDecay) =>
      e.rmsprop(count, p << 2, g << 2, s << 2, v << 2, scale, clip, lr, rho, 1 - rho, epsilon, momentum, weightDecay),
    adagrad: (count, p, g, s, scale, clip, lr, epsilon, weightDecay) =>
      e.adagrad(count, p << 2, g << 2, s << 2, scale, clip, lr, epsilon, weightDecay),
  }
}

/** Elements to bytes, -1 to none. */
const optional = (pointer: Pointer | -1): number => (pointer === -1 ? NONE : pointer << 2)

function normKernels(e: Exports): NormKernels {
  return {
    moments: (rows, cols, x, mean, squares) => e.moments(rows, cols, x << 2, mean << 2, squares << 2),
    mergeMoments: (parts, cols, rowsPerPart, rows, means, squares, divisor, mean, variance) =>
      e.mergeMoments(parts, cols, rowsPerPart, rows, means << 2, squares << 2, divisor, mean << 2, variance << 2),
    normScale: (cols, variance, epsilon, gamma, inverse, scale) =>
      e.normScale(cols, variance << 2, epsilon, optional(gamma), inverse << 2, scale << 2),
    normalize: (rows, cols, x, mean, scale, beta, y) =>
      e.normalize(rows, cols, x << 2, mean << 2, scale << 2, optional(beta), y << 2),
    normSums: (rows, cols, x, dy, mean, inverse, sums, products) =>
      e.normSums(rows, cols, x << 2, dy << 2, mean << 2, inverse << 2, sums << 2, products << 2),
    normPool: (lines, width, cols, x, mean, scale, beta, y) =>
      e.normPool(lines, width, cols, x << 2, mean << 2, scale << 2, optional(beta), y << 2),
    normPoolSums: (lines, width, cols, x, dy, mean, inverse, scale, sums, products) =>
      e.normPoolSums(
        lines,
        width,
        cols,
        x << 2,
        dy << 2,
        mean << 2,
        inverse << 2,
        scale << 2,
        sums << 2,
        products << 2,
      ),
    normPoolBackward: (lines, width, cols, x, dy, mean, inverse, scale, sums, products, count, dx) =>
      e.normPoolBackward(
        lines,
        width,
        cols,
        x << 2,
        dy << 2,
        mean << 2,
        inverse << 2,
        scale << 2,
        sums << 2,
        products << 2,
        count,
        dx << 2,
      ),
    normBackward: (rows, cols, x, dy, mean, inverse, scale, sums, products, count, dx) =>
      e.normBackward(
        rows,
        cols,
        x << 2,
        dy << 2,
        mean << 2,
        inverse << 2,
        scale << 2,
        sums << 2,
        products << 2,
        count,
        dx << 2,
      ),
    lerp: (count, from, to, amount, out) => e.lerp(count, from << 2, to << 2, amount, out << 2),
    groupNorm: (rows, positions, cols, groups, centred, epsilon, x, gamma, beta, stats, y) =>
      e.groupNorm(
        rows,
        positions,
        cols,
        groups,
        +centred,
        epsilon,
        x << 2,
        optional(gamma),
        optional(beta),
        stats << 2,
        y << 2,
      ),
    groupNormBackward: (rows, positions, cols, groups, centred, x, dy, gamma, stats, dx) =>
      e.groupNormBackward(
        rows,
        positions,
        cols,
        groups,
        +centred,
        x << 2,
        dy << 2,
        optional(gamma),
        stats << 2,
        dx << 2,
      ),
    groupNormGamma: (rows, positions, cols, groups, x, dy, stats, out, accumulate) =>
      e.groupNormGamma(rows, positions, cols, groups, x << 2, dy << 2, stats << 2, out << 2, +accumulate),
  }
}

function sequenceKernels(e: Exports): SequenceKernels {
  return {
    lookUp: (count, width, entries, indices, table, y) =>
      e.lookUp(count, width, entries, indices << 2, table << 2, y << 2),
    lookUpGradient: (count, width, ld, first, end, indices, dy, out) =>
      e.lookUpGradient(count, width, ld, first, end, indices << 2, dy << 2, out << 2),
    attend: (steps, scale, causal, x, y) => e.attend(steps, scale, +causal, x << 2, y << 2),
    attendBackward: (steps, scale, causal, y, dy, dx) =>
      e.attendBackward(steps, scale, +causal, y << 2, dy << 2, dx << 2),
  }
}

function recurrentKernels(e: Exports): RecurrentKernels {
  return {
    lstm: (rows, units, steps, gates, before, cells, next, out, ldOut) =>
      e.lstm(rows, units, steps, gates << 2, optional(before), cells << 2, optional(next), optional(out), ldOut),
    lstmBackward: (rows, units, steps, gates, before, cells, dh, dc, dgates) =>
      e.lstmBackward(rows, units, steps, gates << 2, optional(before), cells << 2, dh << 2, dc << 2, dgates << 2),
    gru: (rows, units, steps, gates, recurrent, bias, before, next, out, ldOut) =>
      e.gru(
        rows,
        units,
        steps,
        gates << 2,
        recurrent << 2,
        optional(bias),
        before << 2,
        optional(next),
        optional(out),
        ldOut,
      ),
    gruBackward: (rows, units, steps, gates, recurrent, before, dh, previous, accumulate, dgates, drecurrent) =>
      e.gruBackward(
        rows,
        units,
        steps,
        gates << 2,
        recurrent << 2,
        before << 2,
        dh << 2,
        optional(previous),
        +accumulate,
        dgates << 2,
        drecurrent << 2,
      ),
  }
}

function windowKernels(e: Exports): WindowKernels {
  const set = (w: Window) =>
    e.setWindow(
      w.height,
      w.width,
      w.channels,
      w.kernelHeight,
      w.kernelWidth,
      w.strideHeight,
      w.strideWidth,
      w.dilationHeight,
      w.dilationWidth,
      w.top,
      w.left,
      w.outHeight,
      w.outWidth,
    )
  return {
    unfold: (w, depth, first, count, x, out) => (set(w), e.unfold(depth, first, count, x << 2, out << 2)),
    fold: (w, depth, first, count, columns, dx) => (set(w), e.fold(depth, first, count, columns << 2, dx << 2)),
    depthwise: (w, rows, x, kernel, y) => (set(w), e.depthwise(rows, x << 2, kernel << 2, y << 2)),
    depthwiseBackward: (w, rows, dy, kernel, dx) => (set(w), e.depthwiseBackward(rows, dy << 2, kernel << 2, dx << 2)),
    depthwiseKernel: (w, rows, x, dy, out) => (set(w), e.depthwiseKernel(rows, x << 2, dy << 2, out << 2)),
    maxPool: (w, rows, x, y) => (set(w), e.maxPool(rows, x << 2, y << 2)),
    maxPoolBackward: (w, rows, x, dy, dx) => (set(w), e.maxPoolBackward(rows, x << 2, dy << 2, dx << 2)),
    averagePool: (w, rows, x, y) => (set(w), e.averagePool(rows, x << 2, y << 2)),
    averagePoolBackward: (w, rows, dy, dx) => (set(w), e.averagePoolBackward(rows, dy << 2, dx << 2)),
  }
}

/** A unit is kept when its uint32 is at least this. */
function dropoutThreshold(rate: number): number {
  return Math.floor(rate * 2 ** 32)
}
