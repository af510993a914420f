/** What a module exports: `src/kernels/kernels.ts` says what each does. Pointers are byte addresses here. */
export { setScratch } from './vector'
export { matmul, SCRATCH_BYTES } from './matmul'
export { add, copy, activate, activateBackward } from './elementwise'
export { addBias, columnSums, prelu, preluBackward, preluSlopes, softmax } from './rows'
export { dropout } from './dropout'
export { loss } from './losses'
export { clampedSquares, sumSquares, reduceLanes } from './gradient'
export { sgd, adam, rmsprop, adagrad } from './optimizers'
