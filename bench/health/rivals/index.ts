import { autoTrainer } from './autotrainer.ts'
import { deepChecker } from './deepchecker.ts'
import { deepLocalize, nanCheck, olmoSkip, zClip } from './guards.ts'
import type { Rival } from './rule.ts'
import { sageMaker } from './sagemaker.ts'

export const rivals: readonly Rival[] = [
  autoTrainer(true),
  autoTrainer(false),
  sageMaker(false),
  sageMaker(true),
  deepChecker,
  deepLocalize,
  olmoSkip,
  zClip,
  nanCheck,
]
