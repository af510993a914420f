import type { Pointer } from './pointer.ts'

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
