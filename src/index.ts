/** The public API. Everything the command line does, as a library. */
export { Trainer } from './train/trainer.ts'
export type { TrainerOptions } from './train/trainer.ts'
export { Crew } from './crew/crew.ts'
export type { Callbacks, CheckpointOptions, FitOptions, Progress } from './train/callbacks.ts'
export type { History, Logs, StepHistory, StopReason } from './train/history.ts'

export { parseConfig, jsonSchema } from './config/schema.ts'
export { loadConfigFile } from './config/file.ts'
export type { Config, ResolvedConfig } from './config/schema.ts'

export type { Dataset } from './data/dataset.ts'
export { loadData, readDataset } from './data/load.ts'
export { toDataset, applyClassWeight } from './data/tensor.ts'
export { fitTransform, applyTransform, inverseTarget } from './data/transform.ts'
export { splitIndices, takeRows } from './data/split.ts'
export { permute } from './data/order.ts'
export type { DataConfig } from './data/config.ts'
export type { Transform } from './data/transform.ts'

export { clipGradNorm_, clipGradValue_, clipGradsWithNorm_ } from './gradient/clip.ts'
export { getTotalNorm } from './gradient/norm.ts'
export { adaptiveClip_ } from './gradient/adaptive-clip.ts'
export { allReduceMean, reduceTree } from './gradient/reduce.ts'
export { learningRate } from './optim/schedules.ts'

export { summarizePlan } from './plan/summary.ts'
export { kernelAvailability } from './kernels/select.ts'
export { TrainingError, UserError } from './errors.ts'
