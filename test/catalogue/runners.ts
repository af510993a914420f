/** What becomes of an entry: the message and exit code that the command line would end with. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { report } from '../../src/cli/exit.ts'
import { main } from '../../src/cli/main.ts'
import { parseConfig } from '../../src/config/schema.ts'
import { loadData } from '../../src/data/load.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { model } from './make.ts'
import type { InputFile } from './make.ts'

export interface Outcome {
  readonly code: number
  readonly message: string
}

export async function outcomeOf(action: () => unknown): Promise<Outcome> {
  try {
    await action()
    return { code: 0, message: '' }
  } catch (error) {
    return report(error, false)
  }
}

export const ofConfig = (fields: object): Promise<Outcome> => outcomeOf(() => parseConfig({ ...model, ...fields }))

export const ofData = ({ name, contents, config }: InputFile): Promise<Outcome> =>
  outcomeOf(() => {
    writeFileSync(name, contents)
    return loadData({ source: name, ...config }, 1)
  })

export const ofModelFile = ({ name, contents }: InputFile): Promise<Outcome> =>
  outcomeOf(async () => {
    writeFileSync(name, contents)
    const trainer = await Trainer.load(name, {}, { crew: new InlineCrew() })
    if (trainer.resumable) await trainer.fit(rows)
    else await trainer.predict([[1, 2]])
  })

export const rows = toDataset({
  x: [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ],
  y: [0, 1, 2, 0],
})

/** With a trainer of two inputs and three classes. */
export async function ofCall(call: (trainer: Trainer) => unknown): Promise<Outcome> {
  await using trainer = await Trainer.create({ ...model, epochs: 1, kernels: 'wasm' }, { crew: new InlineCrew() })
  await trainer.build({ features: 2, targets: 1, classNames: undefined })
  return outcomeOf(() => call(trainer))
}

const FILES = {
  'tiny.csv': 'a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n1,2,x\n3,4,z\n',
  'empty.yaml': '',
  'list.yaml': '- 1\n- 2\n',
  'broken.yaml': 'model: { layers: [\nepochs: 3\n',
  'twice.yaml': 'epochs: 3\nepochs: 4\n',
  'bomb.yaml': `a: &a [x, x]\n${Array.from({ length: 26 }, (_, i) => {
    const [from, to] = [String.fromCharCode(97 + i - 1), String.fromCharCode(97 + i)]
    return i === 0 ? '' : `${to}: &${to} [*${from}, *${from}, *${from}, *${from}]\n`
  }).join('')}`,
  'tag.yaml': 'epochs: !!js/function "function () {}"\n',
  'broken.json': '{ "epochs": 3,, }',
  'wrong.yaml': 'model:\n  layers:\n    - { type: dense, units: 0 }\n',
  'throws.mjs': 'throw new Error("from within")\n',
  'nothing.mjs': 'export const config = {}\n',
}

export function writeInputs(): void {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(name), { recursive: true })
    writeFileSync(name, text)
  }
}

/** What the command line says on stderr, and its exit code; stdout must stay empty. */
export async function ofCommandLine(argv: readonly string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const before = { stdout: process.stdout.write, stderr: process.stderr.write }
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = ((text: string) => ((written[name] += text), true)) as typeof process.stdout.write
  }
  try {
    const code = await main(argv)
    return { code, message: written.stdout + written.stderr.replace(/^error: /, '').trimEnd() }
  } finally {
    Object.assign(process.stdout, { write: before.stdout })
    Object.assign(process.stderr, { write: before.stderr })
    process.stdout.removeAllListeners('error')
  }
}
