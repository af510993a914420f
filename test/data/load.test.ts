import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadBuiltin } from '../../src/data/builtin/index.ts'
import { loadData, readDataset } from '../../src/data/load.ts'
import { idx, npy, temporaryFiles, userError, valuesOf } from './files.ts'

const write = temporaryFiles()

describe('the built-in digits', () => {
  it('are, byte for byte, the file that scikit-learn ships', () => {
    const table = loadBuiltin('digits')
    const pixels = valuesOf(table, 'pixels')
    const text = valuesOf(table, 'digit').map((digit, i) => [...pixels.slice(i * 64, i * 64 + 64), digit].join())
    // SHA-256 of the unpacked digits.csv.gz of scikit-learn 1.2.1.
    expect(
      createHash('sha256')
        .update(text.join('\n') + '\n')
        .digest('hex'),
    ).toBe('6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8')
  })

  it('load as ten classes of 64 features in 0..1, each row in one part', async () => {
    const { train, validation, test, summary } = await loadData(
      { source: 'digits', validationSplit: 0.1, testSplit: 0.2 },
      1,
    )
    // round(1797 * 0.1) = 180, round(1797 * 0.2) = 359, and 1797 - 180 - 359 = 1258.
    expect([train.rows, validation!.rows, test!.rows]).toEqual([1258, 180, 359])
    expect([train.features, train.targets, summary.task]).toEqual([64, 1, 'classification'])
    expect(train.classNames).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect([Math.min(...train.x), Math.max(...train.x)]).toEqual([0, 1])
    const total = [train, validation!, test!].reduce((sum, part) => sum + part.x.reduce((a, b) => a + b, 0), 0)
    const pixels = valuesOf(loadBuiltin('digits'), 'pixels') as number[]
    expect(total).toBe(pixels.reduce((a, b) => a + b) / 16)
  })

  it('stop at the limit', async () => {
    const { train } = await loadData({ source: 'digits', limit: 100 }, 1)
    expect(train.rows).toBe(100)
  })

  it('is suggested for a slip of the finger', async () => {
    expect(await userError(() => loadData({ source: 'digit' }, 1))).toContain(
      'The built-in data set is called "digits"',
    )
  })
})

describe('loadData', () => {
  const csv =
    'age,colour,kind\n' +
    Array.from({ length: 40 }, (_, i) => `${i},${i % 3 ? 'red' : 'blue'},${i % 2 ? 'a' : 'b'}\n`).join('')

  it('reads, splits and transforms a CSV file, and reads another with the saved transform', async () => {
    const source = write('train.csv', csv)
    const { train, test, transform, summary } = await loadData({ source, testSplit: 0.25 }, 7)
    expect(summary).toMatchObject({
      format: 'csv',
      rows: { train: 30, validation: 0, test: 10 },
      features: 3,
      targets: 1,
    })
    expect([summary.task, summary.taskReason, summary.classes]).toEqual([
      'classification',
      'the target is text',
      ['a', 'b'],
    ])
    expect(train.featureNames).toEqual(['age', 'colour=blue', 'colour=red'])
    // Stratified: half of 30, half of 10.
    expect([train.y.reduce((a, b) => a + b), test!.y.reduce((a, b) => a + b)]).toEqual([15, 5])
    // Standardised on the training part alone.
    const ages = train.x.filter((_, i) => i % 3 === 0)
    expect(Math.abs(ages.reduce((a, b) => a + b))).toBeLessThan(1e-4)
    const saved = JSON.parse(JSON.stringify(transform)) as typeof transform
    const whole = await readDataset({ source }, saved)
    expect(whole.rows).toBe(40)
    const unlabelled = await readDataset({ source: write('new.csv', 'colour,age\nred,3\n') }, saved)
    expect([unlabelled.rows, unlabelled.features, unlabelled.targets]).toEqual([1, 3, 0])
  })

  it('takes rows of plain numbers for a model of an array with labels beside it', async () => {
    const numbers = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 9)
    const array = npy('<f4', [4, 2], new Uint8Array(numbers.buffer))
    const labels = write('labels.npy', npy('|u1', [4], Uint8Array.of(0, 1, 1, 0)))
    const { train, transform } = await loadData({ source: write('x.npy', array), labels }, 1)
    const plain = await readDataset({ source: write('new.npy', array) }, transform)
    expect([plain.x, plain.targets]).toEqual([train.x, 0])
    const csv = await readDataset({ source: write('new.csv', '1,2\n3,4\n5,6\n7,9\n') }, transform)
    expect(csv.x).toEqual(train.x)
    const named = write('named.csv', 'a,b\n1,2\n3,4\n')
    expect(await userError(() => readDataset({ source: named }, transform))).toContain('Expected column "x"')
    const wide = write('wide.csv', '1,2,3\n3,4,5\n')
    expect(await userError(() => readDataset({ source: wide }, transform))).toContain('x (2 numbers a row)')
  })

  it('gives the same parts for the same seed, others for another', async () => {
    const config = { source: write('train.csv', csv), validationSplit: 0.5 }
    const [first, again, other] = [await loadData(config, 3), await loadData(config, 3), await loadData(config, 4)]
    expect(again).toEqual(first)
    expect(other.train.x).not.toEqual(first.train.x)
  })

  it('takes validation and test from files of their own', async () => {
    const config = {
      source: write('train.csv', csv),
      validation: write('v.csv', csv.slice(0, -'39,blue,a\n'.length)),
      test: write('t.csv', csv),
    }
    const { train, validation, test } = await loadData({ ...config, limit: 39 }, 1)
    expect([train.rows, validation!.rows, test!.rows]).toEqual([39, 39, 39])
    const bare = write('bare.csv', 'age,colour\n1,red\n')
    expect(await userError(() => loadData({ ...config, test: bare }, 1))).toContain(
      `target column of the training data in ${bare}`,
    )
    expect(await userError(() => loadData({ ...config, testSplit: 0.1 }, 1))).toContain('got both')
    expect(await userError(() => loadData({ ...config, limit: 0 }, 1))).toContain('data.limit')
  })

  it('scales IDX by 1/255 unless told otherwise', async () => {
    const source = write('images', idx([4, 1, 2], Uint8Array.of(0, 255, 51, 0, 0, 0, 255, 255)))
    const labels = write('labels', idx([4], Uint8Array.of(0, 1, 0, 1)))
    const { train } = await loadData({ source, labels }, 1)
    expect([...train.x]).toEqual([0, 1, 0.2, 0, 0, 0, 1, 1].map(Math.fround))
    expect([...(await loadData({ source, labels, scale: 'none' }, 1)).train.x]).toEqual([0, 255, 51, 0, 0, 0, 255, 255])
  })

  it('names file, line, column and value of a text in a numeric column', async () => {
    const source = write('text.csv', 'a,b,y\n1,2,0.5\n3,four,1.5\n5,6,2.5\n')
    const message = await userError(() => loadData({ source }, 1))
    expect(message).toContain(`${source}, line 3, column "b", got "four"`)
  })

  it('lets other work run while a file of some size loads', async () => {
    const source = write('long.csv', 'a,b,y\n' + '1,2,0.5\n2,1,1.5\n'.repeat(30_000))
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    await loadData({ source }, 1)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })
})

const FASHION = '/usr/share/datasets/fashion-mnist'

describe.skipIf(!existsSync(FASHION))(
  'Fashion-MNIST (skipped unless the Debian package dataset-fashion-mnist is there)',
  () => {
    it('loads the test part: 10,000 images of 784 in 0..1, a thousand of each class', async () => {
      const source = `${FASHION}/t10k-images-idx3-ubyte.gz`
      const { train, summary } = await loadData({ source, labels: `${FASHION}/t10k-labels-idx1-ubyte.gz` }, 1)
      expect(summary).toMatchObject({ format: 'idx', rows: { train: 10_000 }, features: 784, task: 'classification' })
      const counts = new Float64Array(10)
      for (const label of train.y) counts[label]!++
      expect([...counts]).toEqual(Array(10).fill(1000))
      let [min, max] = [Infinity, -Infinity]
      for (const value of train.x) {
        min = Math.min(min, value)
        max = Math.max(max, value)
      }
      expect([min, max]).toEqual([0, 1])
    })
  },
)
