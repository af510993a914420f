/**
 * Layers and losses of the user's own: modules of plain functions over row blocks, by path or file URL. A module is
 * imported once in each thread, before anything is built; what it lacks, or throws, is told with its layer's name.
 */
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { describe, readAsCommonJs, UserError } from '../errors.ts'
import type { InitializerConfig, InitializerName, LayerConfig, LossConfig, ModelConfig } from './config.ts'

export type Floats = Float32Array | Float64Array

/** Settings of the config, as they are. */
export type OwnOptions = Readonly<Record<string, unknown>>

export interface OwnParameter {
  readonly shape: readonly number[]
  /** A name, or an object with all its settings. Default: glorotUniform of its last two axes. */
  readonly initializer?: InitializerName | InitializerConfig | undefined
}

export interface OwnShapes {
  /** Of a row of the output, channels last. */
  readonly output: readonly number[]
  readonly parameters?: Readonly<Record<string, OwnParameter>> | undefined
  /** Numbers a row that `forward` may keep for the way back. */
  readonly saved?: number | undefined
}

/** What all three functions get: `rows` rows one after another. Rows of the batch know nothing of each other. */
export interface OwnRows {
  readonly rows: number
  readonly x: Floats
  readonly y: Floats
  readonly saved: Floats
  readonly parameters: Readonly<Record<string, Floats>>
  readonly options: OwnOptions
}
export interface OwnForward extends OwnRows {
  readonly training: boolean
}
export interface OwnBackward extends OwnRows {
  /** d loss / d y; and d loss / d x, to be written. */
  readonly dy: Floats
  readonly dx: Floats
}
export interface OwnGradients extends OwnRows {
  readonly dy: Floats
  /** d loss / d parameter, to be added to. */
  readonly gradients: Readonly<Record<string, Floats>>
}

/** What the module of a layer exports. */
export interface OwnLayer {
  shapes(input: readonly number[], options: OwnOptions): OwnShapes
  /** Writes y. */
  forward(pass: OwnForward): void
  /** Writes dx. */
  backward(pass: OwnBackward): void
  /** Adds the gradients of its parameters, where it has any. */
  gradients?(pass: OwnGradients): void
}

/** What the module of a loss exports. */
export interface OwnLoss {
  /**
   * @param gradient where d loss / d output goes, for each output
   * @returns the loss of one row
   */
  loss(output: Floats, target: Floats, gradient: Floats, options: OwnOptions): number
  /** What makes predictions of outputs. Default: identity. */
  readonly link?: 'identity' | 'softmax' | 'sigmoid'
}

type OwnModule = Partial<OwnLayer & OwnLoss>
const modules = new Map<string, OwnModule>()

/** A path of the config (from the working directory), or a file URL, as an URL. @throws UserError for other schemes */
export function urlOf(module: string): string {
  if (/^[a-z][a-z+.-]+:/i.test(module) && !module.startsWith('file:')) {
    throw new UserError(
      `Expected \`module\` to be a path or a file URL, got \`${module}\`. Save the module on this machine.`,
    )
  }
  return module.startsWith('file:') ? module : pathToFileURL(resolve(module)).href
}

/** A module is code that defines functions: it is there at once, or waits for what does not come. */
const LOAD_SECONDS = 60

/**
 * Imports what a model and its loss name, each within `seconds`.
 * @throws UserError naming the module
 */
export async function loadOwn(
  model: Pick<ModelConfig, 'layers'>,
  loss?: LossConfig | 'auto',
  seconds = LOAD_SECONDS,
): Promise<void> {
  for (const module of modulesOf(model, loss)) {
    const url = urlOf(module)
    if (modules.has(url)) continue
    try {
      modules.set(url, await imported(url, seconds))
    } catch (cause) {
      const why = readAsCommonJs(cause) ?? messageOf(cause)
      throw new UserError(`${module}: the module could not be loaded: ${why}`, { cause })
    }
  }
}

async function imported(url: string, seconds: number): Promise<OwnModule> {
  const over = new AbortController()
  const late = setTimeout(1000 * seconds, undefined, { signal: over.signal }).then(() => {
    throw new Error(
      `expected it to be imported within ${seconds} s, it still waits for something. Look for an \`await\` outside of its ` +
        'functions, and whether the disk it lies on answers.',
    )
  })
  try {
    return (await Promise.race([import(url), late])) as OwnModule
  } finally {
    late.catch(() => {})
    over.abort()
  }
}

/**
 * A file that came from elsewhere runs no code: its modules must have been loaded in this program already, or be named in
 * BRIGANTINE_MODULES (paths with a comma between them).
 * @throws UserError naming the modules
 */
export function refuseForeignModules(
  path: string,
  model: Pick<ModelConfig, 'layers'>,
  loss?: LossConfig | 'auto',
): void {
  const allowed = (process.env.BRIGANTINE_MODULES ?? '').split(',').filter(Boolean).map(urlOf)
  const named = modulesOf(model, loss).filter(
    (module) => !modules.has(urlOf(module)) && !allowed.includes(urlOf(module)),
  )
  if (named.length === 0) return
  const foreign = [...new Set(named)].join(',')
  throw new UserError(
    `${path}: this model runs code of its own, \`${foreign}\`, which is not run only because a file says so. ` +
      `If you trust it, set BRIGANTINE_MODULES=${foreign}.`,
  )
}

/** What a model and its loss name. */
export function modulesOf({ layers }: Pick<ModelConfig, 'layers'>, loss?: LossConfig | 'auto'): string[] {
  const inside = (list: readonly LayerConfig[]): string[] =>
    list.flatMap((layer) => (layer.type === 'custom' ? [layer.module] : 'layers' in layer ? inside(layer.layers) : []))
  return [
    ...inside(layers),
    ...(typeof loss === 'object' && loss.type === 'custom' && loss.module ? [loss.module] : []),
  ]
}

/** @throws UserError naming the function that the module lacks */
export function ownLayer(name: string, module: string): OwnLayer {
  const { shapes, forward, backward, gradients } = loaded(module)
  for (const [wanted, value] of Object.entries({ shapes, forward, backward })) {
    if (typeof value !== 'function') throw lacking(`Layer \`${name}\``, module, wanted)
  }
  return { shapes: shapes!, forward: forward!, backward: backward!, ...(gradients ? { gradients } : {}) }
}

export function ownLoss(module: string): OwnLoss {
  const { loss, link } = loaded(module)
  if (typeof loss !== 'function') throw lacking('The loss', module, 'loss')
  return { loss, ...(link ? { link } : {}) }
}

function lacking(who: string, module: string, wanted: string): UserError {
  const found = Object.keys(loaded(module)).join(', ') || 'nothing'
  return new UserError(`${who}: expected ${module} to export a function \`${wanted}\`, it exports ${found}.`)
}

function loaded(module: string): OwnModule {
  const found = modules.get(urlOf(module))
  if (!found) throw new Error(`internal: ${module} was not loaded`)
  return found
}

/** What a function of the user's threw, as `cause`. */
export class OwnFailed extends UserError {
  /** Its layer's name; none of a loss. */
  readonly layer: string | undefined

  constructor(message: string, layer: string | undefined, cause: unknown) {
    super(message, { cause })
    this.layer = layer
  }
}

/** Runs a function of the user's; what it throws gets a name: that of its layer, or the loss. */
export function guarded<T>(layer: string | undefined, module: string, what: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const who = layer === undefined ? 'The loss' : `Layer \`${layer}\``
    throw new OwnFailed(`${who} (${module}): \`${what}\` failed: ${messageOf(cause)}`, layer, cause)
  }
}

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : `it threw ${describe(cause)}`
