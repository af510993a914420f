import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { loadData, type LoadedData } from '../../data/load.ts'
import { openLog, type RunLog } from '../../report/log.ts'
import { openSignals, signalsBefore, writeReport } from '../../report/page/keep.ts'
import { createProgress, type ProgressReporter } from '../../report/progress.ts'
import { casualtyText } from '../../train/recovery.ts'
import type { History } from '../../train/history.ts'
import { SignalLog } from '../../train/signals.ts'
import type { Trainer } from '../../train/trainer.ts'
import type { Ranks } from '../../crew/ranks.ts'
import type { ResolvedConfig } from '../../config/schema.ts'
import { TrainingError } from '../../errors.ts'
import { DIGITS } from '../defaults.ts'
import { Exit, EXIT_CODES_HELP, ExitWith } from '../exit.ts'
import { prepareRun, runFiles, type RunFiles } from '../files.ts'
import { needData } from '../needs.ts'
import { print, printJson, say } from '../output.ts'
import { withRanks } from '../ranks.ts'
import { readResumed, resumeOf } from '../resume.ts'
import { outFolder, printConfig, resolveConfig, resolveOver, withConfig, type Given } from '../settings.ts'
import { catchInterrupts } from '../signals.ts'
import { finalAndBest, planLine, quote, summaryText, type RunResult } from '../summary.ts'

/** `brigantine train`: from a config to a saved, tested model. */
export function trainCommand(program: Command): void {
  const command = program
    .command('train')
    .description('Trains a network, saves it and tests it. Without a config: the built-in handwritten digits.')
    .argument('[config]', 'config file: YAML, JSON or a .ts/.js module')
    .option(
      '--resume [path]',
      'goes on from a checkpoint, or from the last one of a run (its folder); with auto from the last of --out, if any',
    )
    .option('--hash', 'prints the SHA-256 of the trained weights')
    .option('--trace <file>', 'writes a Chrome trace: phases and pieces per worker, waits visible')
    .option(
      '--inject <fault...>',
      'makes something go wrong, such as worker-exit@step=37,piece=2: see what becomes of it',
    )
    .option('--fast-dev-run', 'tries everything on a few batches; saves nothing')
    .option('--quiet', 'no progress, only the result')
    .option('--json', 'the result as JSON on stdout')
    .addHelpText('after', HELP)
  const given = withConfig(command)
  command.action(async (file: string | undefined, options: TrainOptions) => run(await given(file), options))
}

const HELP = `
Examples:
  brigantine train                                     the built-in digits, on all cores
  brigantine train run.yaml --epochs 5 --lr 0.01       a config file, and flags over it
  brigantine train --data iris.csv --layers 32,3       dense layers of 32 and 3 units on a CSV file
  brigantine train run.yaml --clip.max-norm 2 --print-config
  brigantine train run.yaml --resume                   goes on from the last checkpoint, at the exact step

Faults for --inject, each KIND@key=value,key=value, once at the first place that fits; where none can, or did, it is told:
  worker-exit, worker-throw, worker-stall, delay (millis)   step, worker, phase, piece; at: start, claim, piece, decide, wait
  nan                                                       step: the gradient of that batch
  flip, weight                                              step: one bit of a back-signal, of a weight
  silent-part, large-part                                   step, part: of every batch from there on, where gradients are
                                                            summed in parts (--gradient lanes)
  torn-write                                                step: of the checkpoint after it half the bytes reach the disk
${EXIT_CODES_HELP}`

interface TrainOptions {
  readonly resume?: string | true | undefined
  readonly hash?: boolean
  readonly trace?: string
  readonly inject?: readonly string[]
  readonly fastDevRun?: boolean
  readonly quiet?: boolean
  readonly json?: boolean
  readonly printConfig?: boolean
}

async function run(given: Given, asked: TrainOptions): Promise<void> {
  const options = { ...asked, resume: resumeOf(asked.resume, ownFolder(given)) }
  const config = options.resume && !options.printConfig ? undefined : resolveConfig(given)
  if (options.printConfig) return printConfig(config!, options.json ?? false)
  await withRanks((ranks) => {
    // Rank 0 reports and saves.
    const quiet = ranks !== undefined && ranks.rank > 0
    return train(given, config, quiet ? { ...options, quiet } : options, ranks)
  }, config?.recovery.stallSeconds)
}

async function train(
  given: Given,
  config: ResolvedConfig | undefined,
  options: TrainOptions,
  ranks: Ranks | undefined,
): Promise<void> {
  const first = ranks === undefined || ranks.rank === 0
  await using trainer = await openTrainer(given, config, options, ranks)
  const files = options.fastDevRun || !first ? undefined : runFiles(outFolder(trainer.config))
  const data = await loadData(needData(trainer.config), trainer.config.seed)
  trainer.transform = data.transform
  // What cannot be trained is refused here, before a weight is drawn or a file is touched.
  const planned = () =>
    trainer.plan(data.train, data.validation, data.stream && { bufferRows: trainer.config.data?.bufferRows })
  planned().layout.check()
  const history = await fit(trainer, data, files, options)
  if (!first) return
  for (const fault of history.unfired) say(`Fault \`${fault}\` never came: no place of this run fitted it.`)
  const held = data.testStream ?? data.test
  const buffer = { bufferRows: data.testStream && trainer.config.data?.bufferRows }
  const test = held && (await trainer.evaluate(held, buffer))
  if (files) await trainer.save(files.model)
  if (files && held) leaveTest(files, { ...test, confusion: await trainer.confusion(held, buffer) })
  const { model } = trainer
  const result: RunResult = {
    layers: [model!.inputs, ...model!.layers.filter(({ type }) => type !== 'dropout').map(({ outputs }) => outputs)],
    parameters: model!.numParameters,
    plan: planLine(planned(), trainer.kernels, history, ranks?.ranks),
    data: data.summary,
    epochs: history.epoch.length,
    stopped: history.stopped,
    seconds: history.seconds,
    samplesPerSecond: history.samplesPerSecond,
    history: history.history,
    health: history.health,
    actions: history.actions,
    judged: trainer.config.health.mode !== 'off',
    test,
    hash: options.hash ? trainer.weightsHash() : undefined,
    files,
  }
  if (options.json) printJson({ ...result, values: finalAndBest(history.history), config: trainer.config })
  else print(summaryText(result))
}

/** A new trainer, or the one of a checkpoint with what file and flags say over its config. */
async function openTrainer(
  given: Given,
  config: ResolvedConfig | undefined,
  options: TrainOptions,
  ranks: Ranks | undefined,
): Promise<Trainer> {
  const { Trainer } = await import('../../train/trainer.ts')
  const short = options.fastDevRun ? { epochs: 1, maxSteps: 5 } : {}
  if (config) return Trainer.create({ ...config, ...short }, { ranks })
  const { checkpoint, path, passedOver } = await readResumed(options.resume!, ownFolder(given), given)
  if (passedOver.length > 0) say([...passedOver, `Going on from ${path}, the newest that is whole.`].join('\n'))
  return Trainer.load(path, { ...resolveOver(checkpoint.config as object, given), ...short }, { ranks })
}

/** Where the run of a file and flags leaves what it writes. */
const ownFolder = (given: Given): string => outFolder({ data: undefined, ...DIGITS, ...given.fields } as ResolvedConfig)

/** Trains with progress on stderr and the log in its file. The first Ctrl-C ends it with a checkpoint and exit code 130. */
async function fit(
  trainer: Trainer,
  data: LoadedData,
  files: RunFiles | undefined,
  options: TrainOptions,
): Promise<History> {
  const progress = createProgress(process.stderr, { quiet: options.quiet ?? false })
  let log = undefined as RunLog | undefined
  // Once it was begun, a log that cannot be gone on with is no reason to end a training, or to hide its error.
  const note = (write: (log: RunLog) => void) => {
    try {
      if (log) write(log)
    } catch (error) {
      log?.close()
      log = undefined
      progress.note(`${(error as Error).message}. It ends here; the training goes on.`)
    }
  }
  let begun = false
  const signals = options.resume && files ? signalsBefore(files.signals) : new SignalLog()
  const kept = files && openSignals(files.signals)
  const interrupts = catchInterrupts((name) => {
    progress.note(`${name}: finishing this step and saving; once more to end at once`)
  })
  try {
    const history = await trainer.fit(data.stream ?? data.train, {
      bufferRows: trainer.config.data?.bufferRows,
      stepsPerEpoch: trainer.config.data?.stepsPerEpoch,
      validationData: data.validationStream ?? data.validation,
      signal: interrupts.signal,
      trace: options.trace,
      inject: options.inject,
      checkpoint: files && { directory: files.folder, ...trainer.config.checkpoint },
      signals,
      onProgress: (state) => {
        progress.update(state)
        if (begun) kept?.keep(signals)
      },
      callbacks: {
        // By now data, model and config are known to fit: only then an earlier run's log may go.
        onTrainBegin: () => {
          if (!files) return
          prepareRun(files, trainer.config, options.resume !== undefined)
          log = openLog(files.log)
          begun = true
          log.event('start', { config: trainer.config, data: data.summary, resumed: options.resume !== undefined })
          const { name, reason } = trainer.kernels
          log.event('kernels', { name, reason })
        },
        onEpochEnd: (epoch, logs) => {
          progress.epochEnd(epoch, trainer.config.epochs, logs)
          note((log) => log.epoch(epoch, signals.steps, logs))
        },
        onCasualty: (casualty) => {
          progress.note(`${casualtyText(casualty)} It is replaced; the result is the same.`)
          note((log) => log.event('casualty', { ...casualty }))
        },
        onHealthEvent: (event) => {
          progress.event(event)
          note((log) => log.event('health', { ...event }))
        },
        onAction: (action) => {
          progress.note(action.text)
          note((log) => log.event('action', { ...action }))
        },
        onOutcome: (action) => {
          if (action.outcome === 'reverted') progress.note(action.text)
          note((log) => log.event('outcome', { ...action }))
        },
      },
    })
    const { stopped, seconds, samplesPerSecond, skipped, unfired } = history
    const { epochs } = trainer.config
    note((log) => log.event('end', { stopped, seconds, samplesPerSecond, skipped, unfired, epochs }))
    if (stopped === 'aborted') throw interrupted(progress, files)
    return history
  } catch (error) {
    if (interrupts.signal.aborted && (error as Error).name === 'AbortError') throw interrupted(progress, undefined)
    if (!(error instanceof ExitWith)) note((log) => log.event('error', { message: (error as Error).message }))
    if (error instanceof TrainingError && files && existsSync(files.last))
      progress.note(`The last healthy state is in ${files.last}`)
    throw error
  } finally {
    progress.close()
    interrupts.release()
    log?.close()
    if (begun && files) leaveReport(files, () => kept?.write(signals), progress)
  }
}

/** What the test said, into the log and the report. */
function leaveTest(files: RunFiles, values: Readonly<Record<string, unknown>>): void {
  try {
    const log = openLog(files.log)
    log.event('test', values)
    log.close()
    writeReport(files.folder, files.report)
  } catch (error) {
    say(`The report could not be written: ${(error as Error).message}`)
  }
}

/** A report that cannot be written is no reason to lose a training, or its error. */
function leaveReport(files: RunFiles, keep: () => void, progress: ProgressReporter): void {
  try {
    keep()
    writeReport(files.folder, files.report)
  } catch (error) {
    progress.note(`The report could not be written: ${(error as Error).message}`)
  }
}

function interrupted(progress: ProgressReporter, files: RunFiles | undefined): ExitWith {
  progress.note(
    files
      ? `Interrupted. A checkpoint was written to ${files.last}\nGo on with: npx brigantine train --resume ${quote(files.folder)}`
      : 'Interrupted. Nothing was saved.',
  )
  return new ExitWith(Exit.interrupted)
}
