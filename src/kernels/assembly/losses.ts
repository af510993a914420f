/** Losses by rows: float32 exponentials, everything else in float64; `gradient` 0 means that none is wanted. */
import { expOfNegative, logOf } from './math'
import { exponentials, rowMaximum, scaleRow } from './rows'

const SPARSE_CATEGORICAL: i32 = 0
const CATEGORICAL: i32 = 1
const BINARY: i32 = 2
const SQUARED: i32 = 3
const ABSOLUTE: i32 = 4
const BINARY_FOCAL: i32 = 6
const SPARSE_FOCAL: i32 = 7
const HINGE: i32 = 8
const KL_DIVERGENCE: i32 = 9
const COSINE: i32 = 10

export function loss(
  kind: i32, rows: u32, cols: u32, outputs: u32, targets: u32, weights: u32, gradient: u32, parameter: f64,
  second: f64,
): f64 {
  let sum: f64 = 0
  const targetStep: u32 = kind == SPARSE_CATEGORICAL || kind == SPARSE_FOCAL ? 4 : cols << 2
  for (let row: u32 = 0; row < rows; row++) {
    const weight: f64 = load<f32>(weights + (row << 2))
    if (weight == 0) {
      if (gradient) memory.fill(gradient, 0, cols << 2)
    } else if (kind == SPARSE_CATEGORICAL || kind == CATEGORICAL) {
      sum += weight * crossEntropy(kind == SPARSE_CATEGORICAL, cols, outputs, targets, weight, gradient, parameter)
    } else if (kind == KL_DIVERGENCE) {
      sum += weight * (crossEntropy(false, cols, outputs, targets, weight, gradient, 0) - entropy(cols, targets))
    } else if (kind == SPARSE_FOCAL) {
      sum += weight * sparseFocal(cols, outputs, targets, weight, gradient, parameter)
    } else if (kind == BINARY_FOCAL) {
      sum += weight * binaryFocal(cols, outputs, targets, weight, gradient, parameter, second)
    } else if (kind == COSINE) {
      sum += weight * cosineDistance(cols, outputs, targets, weight, gradient)
    } else {
      sum += weight * elementwise(kind, cols, outputs, targets, weight, gradient, parameter)
    }
    outputs += cols << 2
    targets += targetStep
    if (gradient) gradient += cols << 2
  }
  return sum
}

/** The target of class `col`: `keep` of what was given, and `spread` more. */
// @ts-ignore: decorator
@inline
function target(sparse: bool, targets: u32, col: u32, label: f32, keep: f64, spread: f64): f64 {
  const hard: f64 = sparse ? (label == <f32>col ? 1 : 0) : load<f32>(targets + (col << 2))
  return hard * keep + spread
}

/** L = sum of t (log(sum of e^z) - z), z = x - max x; dL/dx = softmax(x) sum(t) - t. */
function crossEntropy(
  sparse: bool, cols: u32, x: u32, targets: u32, weight: f64, gradient: u32, smoothing: f64,
): f64 {
  const largest = rowMaximum(cols, x)
  const total = exponentials(cols, x, largest, gradient)
  const logTotal = logOf(total)
  const keep = 1 - smoothing
  const spread = smoothing / <f64>cols
  const label: f32 = sparse ? load<f32>(targets) : 0
  const valid = label >= 0 && label < <f32>cols && floor(label) == label
  let result: f64 = valid ? 0 : NaN
  let targetSum: f64 = valid ? 1 : NaN
  if (sparse && valid && smoothing == 0) {
    result = logTotal - (<f64>load<f32>(x + (<u32>label << 2)) - <f64>largest)
  } else if (valid) {
    targetSum = 0
    for (let col: u32 = 0; col < cols; col++) {
      const t = target(sparse, targets, col, label, keep, spread)
      targetSum += t
      result += t * (logTotal - (<f64>load<f32>(x + (col << 2)) - <f64>largest))
    }
  }
  if (gradient && sparse && valid && smoothing == 0) {
    // All targets but one are 0: one scale for the row, then the label's own.
    scaleRow(cols, gradient, <f32>(weight / total))
    const at = gradient + (<u32>label << 2)
    store<f32>(at, load<f32>(at) - <f32>weight)
  } else if (gradient) {
    const scale = targetSum / total
    for (let col: u32 = 0; col < cols; col++) {
      const at = gradient + (col << 2)
      const t = target(sparse, targets, col, label, keep, spread)
      store<f32>(at, <f32>(weight * (<f64>load<f32>(at) * scale - t)))
    }
  }
  return result
}

/** The mean over the outputs of a row of a loss of each output alone. */
function elementwise(
  kind: i32, cols: u32, outputs: u32, targets: u32, weight: f64, gradient: u32, parameter: f64,
): f64 {
  const factor = weight / <f64>cols
  let sum: f64 = 0
  for (let at: u32 = 0; at < cols << 2; at += 4) {
    const x: f64 = load<f32>(outputs + at)
    const t: f64 = load<f32>(targets + at)
    const d = x - t
    let slope: f64
    if (kind == BINARY) {
      const smooth = t * (1 - parameter) + 0.5 * parameter
      const e = expOfNegative(-abs(x))
      sum += max(x, 0) - x * smooth + logOf(1 + e)
      slope = (x >= 0 ? 1 : e) / (1 + e) - smooth
    } else if (kind == SQUARED) {
      sum += d * d
      slope = 2 * d
    } else if (kind == ABSOLUTE) {
      sum += abs(d)
      slope = d > 0 ? 1 : d < 0 ? -1 : d
    } else if (kind == HINGE) {
      const side: f64 = t > 0 ? 1 : -1
      const short = 1 - side * x
      sum += short > 0 ? short : 0 * short
      slope = short > 0 ? -side : 0 * short
    } else if (abs(d) <= parameter) {
      sum += 0.5 * d * d
      slope = d
    } else {
      sum += parameter * (abs(d) - 0.5 * parameter)
      slope = d > 0 ? parameter : d < 0 ? -parameter : d
    }
    if (gradient) store<f32>(gradient + at, <f32>(factor * slope))
  }
  return sum / <f64>cols
}

/** -sum of t log t, 0 log 0 = 0. */
function entropy(cols: u32, targets: u32): f64 {
  let sum: f64 = 0
  for (let at: u32 = 0; at < cols << 2; at += 4) {
    const t: f64 = load<f32>(targets + at)
    if (t != 0) sum -= t * logOf(t)
  }
  return sum
}

/** b^e for b in [0, 1] with the logarithm `log` of b, e >= 0. */
// @ts-ignore: decorator
@inline
function power(log: f64, e: f64): f64 {
  return e == 0 ? 1 : expOfNegative(e * log)
}

/** -log p and -log(1 - p) come from one logarithm: they differ by x. */
function binaryFocal(
  cols: u32, outputs: u32, targets: u32, weight: f64, gradient: u32, gamma: f64, alpha: f64,
): f64 {
  const factor = weight / <f64>cols
  let sum: f64 = 0
  for (let at: u32 = 0; at < cols << 2; at += 4) {
    const x: f64 = load<f32>(outputs + at)
    const t: f64 = load<f32>(targets + at)
    const e = expOfNegative(-abs(x))
    const rest = logOf(1 + e)
    const lossNo = max(x, 0) + rest
    const lossYes = max(-x, 0) + rest
    const p = (x >= 0 ? 1 : e) / (1 + e)
    const q = (x >= 0 ? e : 1) / (1 + e)
    const yes = t * alpha * power(-lossNo, gamma)
    const no = (1 - t) * (1 - alpha) * power(-lossYes, gamma)
    sum += yes * lossYes + no * lossNo
    const slope = no * (gamma * q * lossNo + p) - yes * (gamma * p * lossYes + q)
    if (gradient) store<f32>(gradient + at, <f32>(factor * slope))
  }
  return sum / <f64>cols
}

/** dL/dx = (gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma) (one-hot - softmax). */
function sparseFocal(cols: u32, x: u32, targets: u32, weight: f64, gradient: u32, gamma: f64): f64 {
  const largest = rowMaximum(cols, x)
  const label: f32 = load<f32>(targets)
  if (!(label >= 0 && label < <f32>cols && floor(label) == label)) {
    if (gradient) for (let col: u32 = 0; col < cols; col++) store<f32>(gradient + (col << 2), <f32>NaN)
    return NaN
  }
  const own = <u32>label << 2
  let others: f64 = 0
  let total: f64 = 0
  // The part of the others is summed by itself: 1 - p would lose it where p is near 1.
  for (let at: u32 = 0; at < cols << 2; at += 4) {
    const e = expOfNegative(<f64>load<f32>(x + at) - <f64>largest)
    total += e
    if (at != own) others += e
  }
  const logTotal = logOf(total)
  const logP = <f64>load<f32>(x + own) - <f64>largest - logTotal
  const rest = others / total
  const scale = gamma == 0 ? 1 : rest == 0 ? 0 : power(logOf(rest), gamma)
  const slope = rest == 0 ? -scale : (gamma * expOfNegative(logP) * scale * logP) / rest - scale
  if (gradient) {
    for (let at: u32 = 0; at < cols << 2; at += 4) {
      const z = <f64>load<f32>(x + at) - <f64>largest - logTotal
      store<f32>(gradient + at, <f32>(weight * slope * (at == own ? rest : -expOfNegative(z))))
    }
  }
  return -scale * logP
}

/** d/dx of x.t / (|x| |t|) = t / (|x| |t|) - cos x / |x|^2. */
function cosineDistance(cols: u32, outputs: u32, targets: u32, weight: f64, gradient: u32): f64 {
  let product: f64 = 0
  let squaresX: f64 = 0
  let squaresT: f64 = 0
  for (let at: u32 = 0; at < cols << 2; at += 4) {
    const x: f64 = load<f32>(outputs + at)
    const t: f64 = load<f32>(targets + at)
    product += x * t
    squaresX += x * x
    squaresT += t * t
  }
  if (squaresX == 0 || squaresT == 0) {
    if (gradient) memory.fill(gradient, 0, cols << 2)
    return 1
  }
  const sizes = sqrt(squaresX) * sqrt(squaresT)
  const cosine = product / sizes
  if (gradient) {
    for (let at: u32 = 0; at < cols << 2; at += 4) {
      const x: f64 = load<f32>(outputs + at)
      const t: f64 = load<f32>(targets + at)
      store<f32>(gradient + at, <f32>(weight * (cosine * x / squaresX - t / sizes)))
    }
  }
  return 1 - cosine
}
