/** The public API. Everything the command line does, as a library. */
export { Trainer } from './train/trainer.ts'
export { loadModel } from './train/model.ts'
export type { LoadedModel, LoadModelOptions } from './train/model.ts'
export type { Answer } from './data/answers.ts'
export type { DataRecord } from './data/records.ts'
export type { TrainerOptions } from './train/trainer.ts'
export { Crew } from './crew/crew.ts'
export { Ranks } from './crew/ranks.ts'
export { InlineCrew } from './train/inline.ts'
export type { Callbacks, CheckpointOptions, FitOptions, Progress, StreamOptions } from './train/callbacks.ts'
export type { Evidence, Harm, HealthCode, HealthVerdict, Severity } from './gradient/verdict.ts'
export type { ConfusionMatrix } from './model/metrics/confusion.ts'
export type { History, Logs, StepHistory, StopReason } from './train/history.ts'

export type {
  OwnBackward,
  OwnForward,
  OwnGradients,
  OwnLayer,
  OwnLoss,
  OwnOptions,
  OwnParameter,
  OwnRows,
  OwnShapes,
} from './model/own.ts'
export { checkGradients } from './train/check-gradients.ts'
export type { GradientCheck } from './train/check-gradients.ts'

export { parseConfig, jsonSchema } from './config/schema.ts'
export { loadConfigFile } from './config/file.ts'
export type { Config, ResolvedConfig } from './config/schema.ts'

export type { Dataset } from './data/dataset.ts'
export { loadData, readDataset, streamDataset } from './data/load.ts'
export type { RowChunk, Rows, RowStream } from './data/stream.ts'
export { toDataset, applyClassWeight } from './data/tensor.ts'
export { toCategorical } from './data/one-hot.ts'
export { fitTransform, applyTransform, inverseTarget } from './data/transform.ts'
export { splitIndices, takeRows } from './data/split.ts'
export { permute } from './data/order.ts'
export type { DataConfig } from './data/config.ts'
export type { Transform } from './data/transform.ts'

export { clipGradNorm_, clipGradValue_, clipGradsWithNorm_ } from './gradient/clip.ts'
export { getTotalNorm } from './gradient/norm.ts'
export { adaptiveClip_ } from './gradient/adaptive-clip.ts'
export { createClipper } from './gradient/clipper.ts'
export { allReduceMean, reduceTree } from './gradient/reduce.ts'
export { learningRate } from './optim/schedules.ts'

export { summarizePlan } from './plan/summary.ts'
export { kernelAvailability } from './kernels/select.ts'
export { encodeSafetensors, readSafetensors } from './interop/safetensors.ts'
export type { Safetensors, Tensor } from './interop/safetensors.ts'
export type { LayoutName } from './interop/layout.ts'
export type { MatchOptions, Names } from './interop/match.ts'
export type { SaveOptions } from './train/exchange.ts'
export { RankLost, TrainingError, UserError, WorkerHangs } from './errors.ts'
