/** What `fit` is given, as JavaScript lets it through: told before anything is opened, and never in the middle of a run. */
import { isStream } from '../data/stream.ts'
import { describe, suggest, UserError } from '../errors.ts'
import type { Callbacks, CheckpointOptions, FitOptions } from './callbacks.ts'
import { checkNoStream, expectDataset } from './checks.ts'

const OPTIONS = {
  validationData: 1,
  bufferRows: 1,
  stepsPerEpoch: 1,
  epochs: 1,
  callbacks: 1,
  signal: 1,
  checkpoint: 1,
  trace: 1,
  inject: 1,
  signals: 1,
  onProgress: 1,
} satisfies Record<keyof FitOptions, 1>

const CHECKPOINT = { directory: 1, keep: 1, every: 1, monitor: 1, mode: 1 } satisfies Record<keyof CheckpointOptions, 1>

const CALLBACKS = {
  onTrainBegin: 1,
  onTrainEnd: 1,
  onEpochBegin: 1,
  onEpochEnd: 1,
  onBatchEnd: 1,
  onHealthEvent: 1,
  onCasualty: 1,
  onVerdict: 1,
  onAction: 1,
  onOutcome: 1,
} satisfies Record<keyof Callbacks, 1>

/** @throws UserError for what is not data, not an option, or not what an option takes */
export function checkFit(data: unknown, options: FitOptions): void {
  expectObject('the options of `fit`', options)
  expectNames('the options of `fit`', Object.keys(options), OPTIONS)
  const { validationData, epochs, bufferRows, stepsPerEpoch, callbacks = [], checkpoint, inject = [] } = options
  const [streams, validates] = [isStream(data), isStream(validationData)]
  const useless = {
    bufferRows: streams || validates ? undefined : bufferRows,
    stepsPerEpoch: streams ? undefined : stepsPerEpoch,
  }
  if (!streams) expectDataset(data, 'training data')
  checkNoStream(useless)
  if (validationData !== undefined && !validates) expectDataset(validationData, 'validation data')
  expectCount('epochs', epochs)
  for (const one of [callbacks].flat()) checkCallbacks(one)
  if (checkpoint !== undefined) {
    expectObject('`checkpoint`', checkpoint)
    expectNames('`checkpoint`', Object.keys(checkpoint), CHECKPOINT)
    expectCount('checkpoint.keep', checkpoint.keep)
    expectCount('checkpoint.every', checkpoint.every)
    expectText('checkpoint.directory', checkpoint.directory)
  }
  if (options.trace !== undefined) expectText('trace', options.trace)
  if (options.signal !== undefined)
    expectThat(options.signal instanceof AbortSignal, 'signal', 'an AbortSignal', options.signal)
  expectCallable('onProgress', options.onProgress)
  expectThat(Array.isArray(inject), 'inject', 'an array of faults', inject)
  inject.forEach((fault, i) => expectText(`inject[${i}]`, fault))
}

/** Names such as `onFoo` are callbacks; whatever else such an object has is its own affair. */
function checkCallbacks(callbacks: unknown): void {
  expectObject('`callbacks`', callbacks)
  const names: string[] = []
  for (const name in callbacks as object) if (/^on[A-Z]/.test(name)) names.push(name)
  expectNames('`callbacks`', names, CALLBACKS)
  for (const name of Object.keys(CALLBACKS))
    expectCallable(`callbacks.${name}`, (callbacks as Record<string, unknown>)[name])
}

function expectObject(what: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new UserError(`Expected ${what} to be an object, got ${describe(value)}.`)
}

function expectNames(what: string, names: readonly string[], known: object): void {
  const all = Object.keys(known)
  for (const name of names) {
    if (all.includes(name)) continue
    const close = suggest(name, all)
    const advice = close ? `did you mean \`${close}\`?` : `There are ${all.join(', ')}.`
    throw new UserError(
      `Expected names that ${what} ${what.endsWith('fit`') ? 'have' : 'has'}, got \`${name}\`; ${advice}`,
    )
  }
}

function expectThat(holds: boolean, name: string, what: string, value: unknown): void {
  if (!holds) throw new UserError(`Expected \`${name}\` to be ${what}, got ${describe(value)}.`)
}

const expectText = (name: string, value: unknown) => expectThat(typeof value === 'string', name, 'a text', value)

const expectCallable = (name: string, value: unknown) =>
  expectThat(value === undefined || typeof value === 'function', name, 'a function', value)

const expectCount = (name: string, value: unknown) =>
  expectThat(value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1), name, 'an integer >= 1', value)
