/**
 * The interface of the arithmetic. One implementation is one promise about bits (see select.ts);
 * every one passes test/kernels/conformance.test.ts. Nothing above this folder knows which one runs.
 *
 * Conventions:
 * - A `Pointer` is an offset in *elements* (not bytes) from the start of the float memory. No alignment is assumed.
 * - Matrices are row-major and dense unless a leading dimension (`ld*`, in elements) is given.
 * - Names are read as: rows x cols. Counts may be 0.
 * - No function allocates. Sums that feed a decision (losses, squares) are returned in float64.
 * - NaN and infinities follow IEEE 754: no shortcut may hide one (0 * NaN is NaN in a matrix product).
 */

/** Offset in elements from the start of the float memory. */
export type Pointer = number

export type KernelName = 'reference' | 'wasm-strict' | 'wasm' | 'native' | 'blas'

/** Element-wise activations. The numbers are the ABI between TypeScript and the WebAssembly module. */
export const Activation = {
  linear: 0,
  relu: 1,
  leakyRelu: 2,
  elu: 3,
  selu: 4,
  gelu: 5,
  sigmoid: 6,
  tanh: 7,
  softplus: 8,
  exponential: 9,
} as const
export type ActivationName = keyof typeof Activation
export type ActivationCode = (typeof Activation)[ActivationName]

/** Losses. `outputs` are what the last layer gives: logits for the cross-entropies. Same ABI remark. */
export const Loss = {
  /** Labels are one class index per row. */
  sparseCategoricalCrossentropy: 0,
  /** Targets are one probability per class. */
  categoricalCrossentropy: 1,
  /** Targets in [0, 1] per output; outputs are logits; mean over the outputs of a row. */
  binaryCrossentropy: 2,
  /** Mean over the outputs of a row. */
  meanSquaredError: 3,
  meanAbsoluteError: 4,
  /** Quadratic below `parameter` (delta), linear above; mean over the outputs of a row. */
  huber: 5,
  /**
   * Of logits: t alpha (1 - p)^gamma -log p + (1 - t) (1 - alpha) p^gamma -log(1 - p), p = sigmoid(x), gamma the
   * `parameter`, alpha the `second`; mean over the outputs of a row (Lin et al. 2017, arXiv 1708.02002).
   */
  binaryFocalCrossentropy: 6,
  /** Labels are one class index per row: (1 - p)^gamma -log p, p the softmax of the true class, gamma the `parameter`. */
  sparseCategoricalFocalCrossentropy: 7,
  /** max(0, 1 - s x), s = 1 where the target is above 0, else -1; mean over the outputs of a row. */
  hinge: 8,
  /** Sum of t log(t / p), p = softmax(x): targets are probabilities, 0 log 0 = 0. */
  klDivergence: 9,
  /** 1 - x.t / (|x| |t|); 1, without a gradient, where either is zero. */
  cosineDistance: 10,
} as const
export type LossName = keyof typeof Loss
export type LossCode = (typeof Loss)[LossName]

export interface MatrixKernels {
  /**
   * C = op(A) op(B), or C += op(A) op(B) with `accumulate`. op(A) is m x k, op(B) is k x n, C is m x n.
   * Stored shapes: A is m x k (k x m with transA), B is k x n (n x k with transB).
   * Every element is summed in the order of k, starting from C (or +0): splitting k over several accumulating
   * calls gives the same bits as one call ('blas' alone is excused from this).
   */
  matmul(
    transA: boolean,
    transB: boolean,
    m: number,
    n: number,
    k: number,
    a: Pointer,
    lda: number,
    b: Pointer,
    ldb: number,
    c: Pointer,
    ldc: number,
    accumulate: boolean,
  ): void
  /** y[c, r] = x[r, c]: x is rows x cols, and y may not lie over it. */
  transpose(rows: number, cols: number, x: Pointer, ldx: number, y: Pointer, ldy: number): void
}

export interface RowKernels {
  /** x[r, c] = f(x[r, c] + bias[c]), rows `ld` apart; f and `alpha` as of `activate`. */
  biasActivate(
    kind: ActivationCode,
    rows: number,
    cols: number,
    x: Pointer,
    ld: number,
    bias: Pointer,
    alpha: number,
  ): void
  /** out[c] = sum over r of x[r, c], rows in order; or out[c] += with `accumulate`, continuing the same order. */
  columnSums(rows: number, cols: number, x: Pointer, out: Pointer, accumulate: boolean): void
  /** y[i] += x[i]. */
  add(count: number, x: Pointer, y: Pointer): void
  /** y[i] = value. */
  fill(count: number, value: number, y: Pointer): void
  /** y[i] = x[i]. */
  copy(count: number, x: Pointer, y: Pointer): void
  /** y[i] = f(x[i]); y may be x. `alpha` is the slope of leakyRelu (default 0.01 above) and the scale of elu. */
  activate(kind: ActivationCode, count: number, x: Pointer, y: Pointer, alpha: number): void
  /** y[i] = gelu(x[i]), and x[i] = gelu'(x[i]): one exponential serves both. y may not be x. */
  geluWithSlope(count: number, x: Pointer, y: Pointer): void
  /**
   * dx[r, c] = dy[r, c] * f'(.), rows of all three `ld` apart; dx may be dy. `saved` is the *output* y of `activate`, except
   * for gelu: its slope. The derivative of relu at 0 is 0, of leakyRelu at 0 is alpha (as in PyTorch).
   */
  activateBackward(
    kind: ActivationCode,
    rows: number,
    cols: number,
    ld: number,
    saved: Pointer,
    dy: Pointer,
    dx: Pointer,
    alpha: number,
  ): void
  /** y[r, c] = x > 0 ? x : slopes[c] * x. */
  prelu(rows: number, cols: number, x: Pointer, slopes: Pointer, y: Pointer): void
  /** dx[r, c] = x > 0 ? dy : slopes[c] * dy. */
  preluBackward(rows: number, cols: number, x: Pointer, slopes: Pointer, dy: Pointer, dx: Pointer): void
  /** out[c] (+)= sum over r, in order, of (x > 0 ? 0 : x * dy). */
  preluSlopes(rows: number, cols: number, x: Pointer, dy: Pointer, out: Pointer, accumulate: boolean): void
  /**
   * y[r, c] = kept ? x[r, c] / (1 - rate) : 0; y may be x. The mask of element (r, c) is a pure function of
   * (seed, stream, step, firstRow + r, c): element c of a row takes word c % 4 of
   * philox4x32(counter = [c >> 2, firstRow + r, step, stream], key = [seed, 0x0d0ff005]), and is kept
   * when that uint32 >= floor(rate * 2^32). Applied to dy it is its own backward. All arguments uint32.
   */
  dropout(
    rows: number,
    cols: number,
    x: Pointer,
    y: Pointer,
    rate: number,
    seed: number,
    stream: number,
    step: number,
    firstRow: number,
  ): void
  /**
   * Returns the sum over rows of weight * loss (float64) and, unless `gradient` is -1, writes
   * gradient[r, c] = weight[r] * d loss[r] / d outputs[r, c]. Not divided by the number of rows.
   * `targets` is rows x 1 for sparse labels (an index stored as a float), else rows x cols.
   * `parameter`: label smoothing in [0, 1) for the three cross-entropies (targets t become t(1-s) + s/cols;
   * for the binary one t(1-s) + s/2), delta for huber, gamma for the focal ones, unused otherwise.
   * `second`: alpha of the binary focal loss, unused otherwise.
   * A sparse label that is no class index gives NaN, in the sum and in the gradient of its row.
   * A row of weight 0 adds exactly 0 to the sum and a zero gradient, even where its loss is not finite.
   */
  loss(
    kind: LossCode,
    rows: number,
    cols: number,
    outputs: Pointer,
    targets: Pointer,
    weights: Pointer,
    gradient: Pointer | -1,
    parameter: number,
    second: number,
  ): number
  /** y[r, :] = softmax(x[r, :]), shifted by the maximum of the row; y may be x. */
  softmax(rows: number, cols: number, x: Pointer, y: Pointer): void
}

/** A window that slides over rows of [height, width, channels] and stops at [outHeight, outWidth] positions of each. */
export interface Window {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly strideHeight: number
  readonly strideWidth: number
  readonly dilationHeight: number
  readonly dilationWidth: number
  /** Positions outside the row before its first one; every position has a cell inside. */
  readonly top: number
  readonly left: number
  readonly outHeight: number
  readonly outWidth: number
}

/**
 * Convolution and pooling. Rows are [height, width, channels], outputs [outHeight, outWidth, ..]. Positions count through
 * the rows: position p lies in row floor(p / (outHeight outWidth)). What lies outside a row is no number: convolution
 * reads 0 there, pooling passes over it. Sums in float32, in the order of the positions, of the cells in one.
 */
export interface WindowKernels {
  /** out[p, cell, c] = x at that cell of the window at position first + p, channels c < depth; `count` positions. */
  unfold(w: Window, depth: number, first: number, count: number, x: Pointer, out: Pointer): void
  /** The transpose: adds columns[p, cell, c] to dx. */
  fold(w: Window, depth: number, first: number, count: number, columns: Pointer, dx: Pointer): void
  /** y[p, c] = the sum over cells of x[cell, c] kernel[cell, c]. */
  depthwise(w: Window, rows: number, x: Pointer, kernel: Pointer, y: Pointer): void
  /** dx[cell, c] += dy[p, c] kernel[cell, c]. */
  depthwiseBackward(w: Window, rows: number, dy: Pointer, kernel: Pointer, dx: Pointer): void
  /** out[cell, c] += the sum over positions of x[cell, c] dy[p, c]. */
  depthwiseKernel(w: Window, rows: number, x: Pointer, dy: Pointer, out: Pointer): void
  maxPool(w: Window, rows: number, x: Pointer, y: Pointer): void
  /** dx += dy at the window's largest value: the first of equals (as in PyTorch), the first NaN before any number. */
  maxPoolBackward(w: Window, rows: number, x: Pointer, dy: Pointer, dx: Pointer): void
  /** The mean of the cells inside the row (as in Keras). */
  averagePool(w: Window, rows: number, x: Pointer, y: Pointer): void
  /** dx += dy / cells. */
  averagePoolBackward(w: Window, rows: number, dy: Pointer, dx: Pointer): void
}

/** Columns that `normPoolSums` has room for. */
export const POOLED_COLS = 4096

/**
 * Normalisation. By column: sums of at most 32 rows (or a line of windows) in float32, of those in float64; by group in float64.
 * Results in float32. `gamma` and `beta`: -1 where there is none.
 */
export interface NormKernels {
  /** Per column: the mean, and the sum of the squared distances to it. rows >= 1. */
  moments(rows: number, cols: number, x: Pointer, mean: Pointer, squares: Pointer): void
  /**
   * Those of `parts` parts (each parts x cols) of `rowsPerPart` rows, the last of what is left of `rows`, as one; the squared
   * distances over `divisor`: 1 for their sum, `rows` for the biased variance.
   */
  mergeMoments(
    parts: number,
    cols: number,
    rowsPerPart: number,
    rows: number,
    means: Pointer,
    squares: Pointer,
    divisor: number,
    mean: Pointer,
    variance: Pointer,
  ): void
  /** inverse = 1 / sqrt(variance + epsilon), NaN for an infinite variance; scale = gamma inverse. */
  normScale(
    cols: number,
    variance: Pointer,
    epsilon: number,
    gamma: Pointer | -1,
    inverse: Pointer,
    scale: Pointer,
  ): void
  /** y[r, c] = (x[r, c] - mean[c]) scale[c] + beta[c]. */
  normalize(rows: number, cols: number, x: Pointer, mean: Pointer, scale: Pointer, beta: Pointer | -1, y: Pointer): void
  /** Per column: sums of dy, and of dy (x - mean) inverse. */
  normSums(
    rows: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    sums: Pointer,
    products: Pointer,
  ): void
  /** dx = scale (dy - (sums + (x - mean) inverse products) / count). */
  normBackward(
    rows: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
    count: number,
    dx: Pointer,
  ): void
  /**
   * y[line, p, c] = the largest of (x - mean) scale + beta over 2 x 2 cells: x is [2 lines, 2 width, cols], y and dy are
   * [lines, width, cols]. As `normalize` and `maxPool` one after the other, and so on the way back, but that cells are
   * compared before they are rounded to something equal. cols <= POOLED_COLS.
   */
  normPool(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    mean: Pointer,
    scale: Pointer,
    beta: Pointer | -1,
    y: Pointer,
  ): void
  /** `normSums` of the cells that were the largest. */
  normPoolSums(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
  ): void
  /** `normBackward` to all cells, where those that were not the largest have no signal of their own. */
  normPoolBackward(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
    count: number,
    dx: Pointer,
  ): void
  /** out = from + (to - from) amount. */
  lerp(count: number, from: Pointer, to: Pointer, amount: number, out: Pointer): void
  /**
   * Each row of positions x cols is cut into groups of neighbouring columns; each group has a mean (0 unless `centred`)
   * and 1 / sqrt(variance about it + epsilon), which go to stats[row, group, 2]. y = (x - mean) inverse gamma + beta.
   */
  groupNorm(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    centred: boolean,
    epsilon: number,
    x: Pointer,
    gamma: Pointer | -1,
    beta: Pointer | -1,
    stats: Pointer,
    y: Pointer,
  ): void
  groupNormBackward(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    centred: boolean,
    x: Pointer,
    dy: Pointer,
    gamma: Pointer | -1,
    stats: Pointer,
    dx: Pointer,
  ): void
  /** out[c] (+)= sum of dy (x - mean) inverse, in float32, in the order of rows and positions. */
  groupNormGamma(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    x: Pointer,
    dy: Pointer,
    stats: Pointer,
    out: Pointer,
    accumulate: boolean,
  ): void
}

export interface SequenceKernels {
  /** y[i] = table[indices[i]], `width` elements; NaN where an index is no integer from 0 to entries - 1. */
  lookUp(count: number, width: number, entries: number, indices: Pointer, table: Pointer, y: Pointer): void
  /** out[indices[i]] += dy[i] where first <= index < end, in the order of i; rows of dy and out are `ld` apart, `width` wide. */
  lookUpGradient(
    count: number,
    width: number,
    ld: number,
    first: number,
    end: number,
    indices: Pointer,
    dy: Pointer,
    out: Pointer,
  ): void
  /** y[t, :] = softmax(scale x[t, :]) of steps x steps; `causal`: over columns 0..t, 0 beyond. y may be x. */
  attend(steps: number, scale: number, causal: boolean, x: Pointer, y: Pointer): void
  /** dx = scale y (dy - sum of dy y) by row; `causal`: of columns 0..t, 0 beyond, whatever dy is there. dx may be dy. */
  attendBackward(steps: number, scale: number, causal: boolean, y: Pointer, dy: Pointer, dx: Pointer): void
}

/**
 * One step of a recurrent layer over `rows` rows. Pointers are to the step's own place in tensors of [rows, steps, ..], so
 * that rows of gates lie steps x 4 (GRU: 3) x units apart, and rows of states steps x units.
 */
export interface RecurrentKernels {
  /**
   * gates (i, f, g, o; what comes from inputs and state is summed in them) become sigmoid, sigmoid, tanh, sigmoid of
   * themselves; cells = f before + i g; h = o tanh(cells) goes to `next` and, with rows `ldOut` apart, to `out`.
   * -1: before is 0; nothing is wanted there.
   */
  lstm(
    rows: number,
    units: number,
    steps: number,
    gates: Pointer,
    before: Pointer | -1,
    cells: Pointer,
    next: Pointer | -1,
    out: Pointer | -1,
    ldOut: number,
  ): void
  /** dc, rows x units, is d loss / d cells from the step after, and becomes what the step before gets. */
  lstmBackward(
    rows: number,
    units: number,
    steps: number,
    gates: Pointer,
    before: Pointer | -1,
    cells: Pointer,
    dh: Pointer,
    dc: Pointer,
    dgates: Pointer,
  ): void
  /**
   * gates (z, r, n from the inputs) and recurrent (the same from the state, without `bias`): gates become
   * z = sigmoid, r = sigmoid of both, n = tanh(gates + r recurrent); recurrent's last part keeps its bias.
   * h = z before + (1 - z) n.
   */
  gru(
    rows: number,
    units: number,
    steps: number,
    gates: Pointer,
    recurrent: Pointer,
    bias: Pointer | -1,
    before: Pointer,
    next: Pointer | -1,
    out: Pointer | -1,
    ldOut: number,
  ): void
  /** What reaches the state before directly, dh z, is written (or added) to `previous`, unless that is -1. */
  gruBackward(
    rows: number,
    units: number,
    steps: number,
    gates: Pointer,
    recurrent: Pointer,
    before: Pointer,
    dh: Pointer,
    previous: Pointer | -1,
    accumulate: boolean,
    dgates: Pointer,
    drecurrent: Pointer,
  ): void
}

export interface GradientKernels {
  /** Sum of x[r, c]^2 in float64, each square in float64, rows `ld` apart. Finite exactly when every x[r, c] is. */
  sumSquares(rows: number, cols: number, x: Pointer, ld: number): number
  /**
   * Sum of (x[r, c] - before[r, c])^2: the difference in float32, its square and the sum in float64. Rows of x are `ld`
   * apart, those of `before` one behind the other.
   */
  sumSquaredChanges(rows: number, cols: number, x: Pointer, ld: number, before: Pointer): number
  /** y[r, c] = x[r, c], rows of x `ld` apart, those of y one behind the other. */
  copyRows(rows: number, cols: number, x: Pointer, ld: number, y: Pointer): void
  /** out[c] = 1 if any x[r, c] > 0, else 0; rows `ld` apart. Looks no further down than it takes to know. */
  activeUnits(rows: number, cols: number, x: Pointer, ld: number, out: Pointer): void
  /** Sum in float64 of the squares of x[i] * scale (in float32) clamped to [-limit, limit]: what value clipping leaves. */
  clampedSquares(count: number, x: Pointer, scale: number, limit: number): number
  /** The largest |x[i]|; 0 of none, NaN if any is NaN. */
  largestOf(count: number, x: Pointer): number
  /** Sum in float64, i in order, of (|x[i]| / unit)^exponent; exponent >= 1, unit > 0. */
  sumPowers(count: number, x: Pointer, unit: number, exponent: number): number
  /**
   * out[i] = the sum of lane l's x[i], l = 0..lanes-1, lane l at first + l * stride, by the fixed binary tree:
   * for s = 1, 2, 4, ..: lane[j] += lane[j + s] for j = 0, 2s, 4s, .. while j + s < lanes.
   * The lanes themselves are not changed. 1 <= lanes <= 64.
   */
  reduceLanes(count: number, lanes: number, first: Pointer, stride: number, out: Pointer): void
}

/**
 * Optimizer rules over a run of `count` parameters. p: parameters, g: gradient, others: state; all in place but g.
 * The gradient used is g[i] * scale, clamped to [-clip, clip] when clip is finite. In float32, as PyTorch does it,
 * the numbers being rounded to float32 once. A state that decays (velocity, m, v, s) is 0 below 2^-126. Each returns the largest |p[i]| after the update (NaN if any is NaN).
 */
export interface OptimizerKernels {
  /** d = g + weightDecay p; with momentum: v = momentum v + d (v starts at 0), d = nesterov ? d + momentum v : v; p -= lr d. `v` is unused at momentum 0. */
  sgd(
    count: number,
    p: Pointer,
    g: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    momentum: number,
    nesterov: boolean,
    weightDecay: number,
  ): number
  /**
   * Adam (decoupled = false: g += weightDecay p) and AdamW (decoupled: p -= lr weightDecay p first).
   * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
   * p -= (lr / correction1) * m / (sqrt(v) / sqrt(correction2) + epsilon), where correction = 1 - beta^t (float64, by the caller).
   */
  adam(
    count: number,
    p: Pointer,
    g: Pointer,
    m: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    decoupled: boolean,
    correction1: number,
    correction2: number,
  ): number
  /** g += weightDecay p; s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); with momentum: v = momentum v + d, d = v; p -= lr d. */
  rmsprop(
    count: number,
    p: Pointer,
    g: Pointer,
    s: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    rho: number,
    epsilon: number,
    momentum: number,
    weightDecay: number,
  ): number
  /** g += weightDecay p; s += g^2; p -= lr g / (sqrt(s) + epsilon). */
  adagrad(
    count: number,
    p: Pointer,
    g: Pointer,
    s: Pointer,
    scale: number,
    clip: number,
    lr: number,
    epsilon: number,
    weightDecay: number,
  ): number
}

export interface Kernels
  extends
    MatrixKernels,
    RowKernels,
    WindowKernels,
    NormKernels,
    SequenceKernels,
    RecurrentKernels,
    GradientKernels,
    OptimizerKernels {
  readonly name: KernelName
}
