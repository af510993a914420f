/** `predict` of models that bring no data config: those of other tools, and of the library. */
import { execFile, execSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../src/interop/safetensors.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { npy } from '../data/formats.ts'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-predict-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

function brigantine(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { cwd: folder, timeout: 60_000 }, (error, out, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, error: stderr })
    })
  })
}

const bytesOf = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer)
const ROWS = [
  [1, -0.5, 2],
  [0.25, 3, -1],
]
writeFileSync(at('rows.csv'), ['a,b,c', ...ROWS.map((row) => row.join(','))].join('\n'))
writeFileSync(at('rows.npy'), npy('<f4', [2, 3], bytesOf(ROWS.flat())))
writeFileSync(at('rows.jsonl'), ROWS.map((row) => JSON.stringify(row)).join('\n'))
writeFileSync(at('more.csv'), 'a,b,c,y\n1,-0.5,2,1\n')
writeFileSync(at('texts.csv'), 'a,b,c\n1,x,2\n3,z,1\n')

await using trainer = await Trainer.create({
  seed: 3,
  model: {
    layers: [
      { type: 'dense', units: 4, activation: 'tanh' },
      { type: 'dense', units: 2 },
    ],
  },
  loss: 'meanSquaredError',
  metrics: [],
})
await trainer.build({ features: 3, targets: 2, classNames: undefined })
const expected = Array.from(await trainer.predict(ROWS))
for (const name of ['net.onnx', 'net.safetensors', 'net.brig']) await trainer.save(at(name))

/** A dense network of Keras, with rows and what tf.js makes of them. */
const [keras] = JSON.parse(readFileSync(new URL('../golden/values/tfjs-models.json', import.meta.url), 'utf8')) as {
  readonly document: {
    readonly weightsManifest: readonly [
      { readonly paths: readonly [string]; readonly weights: readonly { shape: number[] }[] },
    ]
  }
  readonly weights: string
  readonly x: string
  readonly y: string
}[]
const [{ paths, weights }] = keras!.document.weightsManifest
const inputs = weights[0]!.shape[0]!
writeFileSync(at('model.json'), JSON.stringify(keras!.document))
writeFileSync(at(paths[0]), Buffer.from(keras!.weights, 'base64'))
const x = Buffer.from(keras!.x, 'base64')
writeFileSync(at('keras.npy'), npy('<f4', [x.length / 4 / inputs, inputs], x))
const y = Buffer.from(keras!.y, 'base64')
const kerasOutputs = Array.from({ length: y.length / 4 }, (_, i) => y.readFloatLE(4 * i))

describe('a model without a data config predicts rows of plain numbers', () => {
  test.each([
    ['net.onnx', 'rows.csv', expected],
    ['net.onnx', 'rows.npy', expected],
    ['net.safetensors', 'rows.jsonl', expected],
    ['net.brig', 'rows.csv', expected],
    ['model.json', 'keras.npy', kerasOutputs],
  ])('%s of %s', async (model, data, outputs) => {
    const { code, out, error } = await brigantine('predict', model, '--data', data, '--json')
    expect([code, error]).toEqual([0, ''])
    const lines = out.trim().split('\n')
    const values = lines.flatMap((line) => Object.values(JSON.parse(line) as Record<string, number>))
    expect(values).toHaveLength(outputs.length)
    values.forEach((value, i) => expect(value).toBeCloseTo(outputs[i]!, 5))
  })

  test('and says what is wrong with others', async () => {
    const more = await brigantine('predict', 'net.onnx', '--data', 'more.csv')
    expect(more.error).toMatch(
      /Expected 3 numbers a row in more.csv, as the model takes, got 4: a, b, c, y. .* leave others out/,
    )
    const texts = await brigantine('predict', 'net.onnx', '--data', 'texts.csv')
    expect(texts.error).toMatch(
      /Expected numbers in column "b" of texts.csv, got "x" in texts.csv, line 2. .* make numbers of it/,
    )
    const evaluated = await brigantine('evaluate', 'net.onnx', '--data', 'rows.csv')
    expect(evaluated.error).toMatch(/saved with its data config, got one without .* Use `predict`/)
    expect([more.code, texts.code, evaluated.code]).toEqual([2, 2, 2])
  })
})

test('a model of texts in class folders takes one text by itself, from a pipe too, beside tables of them', async () => {
  for (const [kind, text] of [
    ['ham', 'hello friend, at noon'],
    ['spam', 'win money; now'],
  ] as const) {
    mkdirSync(at(`mails/${kind}`), { recursive: true })
    for (let i = 0; i < 6; i++) writeFileSync(at(`mails/${kind}/${i}.txt`), `${text} ${i}`)
  }
  writeFileSync(at('table.txt'), 'text\nwin money now\nhello friend\n')
  const flags = [
    '--data.text.size',
    '64',
    '--layers',
    '2',
    '--epochs',
    '20',
    '--lr',
    '0.1',
    '--quiet',
    '--out',
    'mailer',
  ]
  await brigantine('train', '--data', 'mails', ...flags)
  const classes = async (...args: string[]) =>
    (await brigantine('predict', 'mailer/model.brig', ...args)).out
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0])
  expect(await classes('--data', 'mails/ham/1.txt')).toEqual(['ham'])
  expect(await classes('--data', 'mails/spam/1.txt')).toEqual(['spam'])
  expect(await classes('--data', 'table.txt')).toEqual(['spam', 'ham'])
  const shell = `"${process.execPath}" "${BIN}" predict mailer/model.brig --data - < mails/spam/1.txt`
  expect(execSync(shell, { cwd: folder, encoding: 'utf8' })).toMatch(/^spam /)
})

describe('import of safetensors', () => {
  test('takes the network from a file of ours, and of another tool says what is missing', async () => {
    expect((await brigantine('import', 'net.safetensors', 'back.brig')).code).toBe(0)
    const { out } = await brigantine('predict', 'back.brig', '--data', 'rows.csv', '--json')
    const values = out
      .trim()
      .split('\n')
      .flatMap((line) => Object.values(JSON.parse(line) as Record<string, number>))
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
    const tensors = [{ name: 'w', shape: [2], values: Float32Array.of(1, 2) }]
    writeFileSync(at('foreign.safetensors'), Buffer.concat(encodeSafetensors({ tensors, metadata: {} })))
    const { code, error } = await brigantine('import', 'foreign.safetensors', 'no.brig')
    expect([code, error]).toEqual([
      2,
      expect.stringMatching(/tensors alone .* `brigantine import FILE --config run.yaml`/),
    ])
  })
})
