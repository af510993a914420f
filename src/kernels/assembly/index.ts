/** What a module exports: `src/kernels/kernels.ts` says what each does. Pointers are byte addresses here. */
export { setScratch } from './vector'
export { matmul, SCRATCH_BYTES } from './matmul'
export { setWindow } from './window'
export { add, copy, fill, activate, activateBackward, geluWithSlope } from './elementwise'
export { addBias, columnSums, prelu, preluBackward, preluSlopes, softmax } from './rows'
export { averagePool, averagePoolBackward, maxPool, maxPoolBackward } from './pooling'
export { depthwise, depthwiseBackward, depthwiseKernel, fold, unfold } from './windows'
export {
  groupNorm, groupNormBackward, groupNormGamma, lerp, mergeMoments, moments, normalize, normBackward, normScale, normSums,
} from './norms'
export { attend, attendBackward, lookUp, lookUpGradient } from './sequences'
export { gru, gruBackward, lstm, lstmBackward } from './recurrent'
export { dropout } from './dropout'
export { loss } from './losses'
export { clampedSquares, largestOf, sumPowers, sumSquares, reduceLanes } from './gradient'
export { sgd, adam, rmsprop, adagrad } from './optimizers'
