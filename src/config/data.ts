import { z } from 'zod'
import { DEFAULT_TIMEOUT_SECONDS } from '../data/config.ts'
import type { DataConfig } from '../data/config.ts'
import { choice, flag, integer, real, text, type Agrees } from './fields.ts'

const Column = z.union([text(), z.int()], { error: 'a column name or index' })
const Columns = z.array(Column, { error: 'an array of column names or indices' })
const share = (what: string) =>
  real({ min: 0, below: 1 }).optional().describe(`Share of the rows held out for ${what}, in [0, 1).`)
const path = (what: string) => text().optional().describe(what)

const DataObject = z.strictObject({
  source: text().describe(
    "'digits' (built in), or the path of a CSV, TSV, JSONL, IDX or NPY file, gzip or not, or of NPZ, Parquet or Arrow, of a running text (format 'text'), or of a folder of class folders of texts or images (PNG, JPEG).",
  ),
  labels: path('File of labels beside `source` (IDX, NPY).'),
  validation: path('File to validate on after each epoch.'),
  validationLabels: path('File of labels beside `validation`.'),
  test: path('File to test on after training.'),
  testLabels: path('File of labels beside `test`.'),
  format: choice(['auto', 'csv', 'tsv', 'idx', 'npy', 'npz', 'jsonl', 'parquet', 'arrow', 'folders', 'images', 'text'])
    .default('auto')
    .describe("'auto': by the contents. 'text': windows of a running text, whose targets are the tokens that follow."),
  header: z
    .union([z.literal('auto'), flag()], { error: "'auto', `true` or `false`" })
    .default('auto')
    .describe('Whether the first line names the columns.'),
  delimiter: text().optional().describe('Between the cells of a line. By default the most frequent of , tab ; |.'),
  target: z
    .union([Column, Columns], { error: 'a column name or index, or an array of them' })
    .optional()
    .describe('Column or columns to predict. By default the last one.'),
  features: Columns.optional().describe('Columns to predict from. By default all the others.'),
  drop: Columns.optional().describe('Columns that are not used.'),
  categorical: Columns.optional().describe('Numeric columns that are categories all the same.'),
  task: choice(['auto', 'classification', 'regression'])
    .default('auto')
    .describe('Whether the target is a class or a number.'),
  missing: z
    .array(z.string({ error: 'a string' }), { error: 'an array of strings' })
    .optional()
    .describe("Texts that stand for a missing value. By default '', NA, NaN, null, ?."),
  fillMissing: z
    .union([choice(['error', 'mean']), real()], { error: "'error', 'mean' or a number" })
    .default('error')
    .describe("What a missing value becomes; 'mean' is that of the training part."),
  scale: z
    .union([choice(['standardize', 'none']), real()], { error: "'standardize', 'none' or a number" })
    .optional()
    .describe(
      "'standardize': mean 0, deviation 1 over the training part; a number multiplies. By default by the format.",
    ),
  unknownCategory: choice(['error', 'zero'])
    .default('error')
    .describe('What becomes of a category that training has not seen.'),
  scaleTarget: choice(['standardize', 'none'])
    .default('none')
    .describe('Regression: whether the target is standardised too.'),
  oneHot: flag()
    .default(false)
    .describe('Whether the class becomes one probability per class: for mixup, and losses that take these.'),
  validationSplit: share('validation'),
  testSplit: share('the test'),
  text: z
    .strictObject({
      columns: Columns.optional().describe('Columns that are read as texts. By default every column of text.'),
      tokens: choice(['words', 'chars', 'bytes'])
        .default('words')
        .describe("'words': how often each is there, by hash. 'chars', 'bytes': the first ones, for an embedding."),
      size: integer(1).default(4096).describe('Numbers that a text becomes; the length of a window of a running text.'),
    })
    .optional()
    .describe('How columns of text, or a running text, become numbers. By default columns are categories.'),
  images: z
    .strictObject({
      size: z
        .union([integer(1, 8192), z.tuple([integer(1, 8192), integer(1, 8192)])], {
          error: 'an integer from 1 to 8192, or [height, width]',
        })
        .optional()
        .describe('Height and width to which images are resized. By default all must have one size.'),
      colorMode: choice(['rgb', 'grayscale']).default('rgb').describe('Three numbers a pixel, or one.'),
    })
    .optional()
    .describe('How image files become numbers, height x width x colours.'),
  folders: z
    .record(z.string(), z.array(text(), { error: 'an array of folder names' }))
    .optional()
    .describe('Which folders of a source that is a folder make up each class. By default each is a class.'),
  limit: integer(1).optional().describe('Reads at most so many rows of each file.'),
  streaming: flag()
    .default(false)
    .describe(
      'Whether the source (CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY, NPZ, a running text, class folders) is read anew in each epoch, a window at a time, and those for validation and test likewise; its first 65,536 rows tell means, categories and classes.',
    ),
  bufferRows: integer(1).optional().describe('Rows of a window. By default 65,536, or what fits in 64 MiB.'),
  stepsPerEpoch: integer(1)
    .optional()
    .describe('Batches of a streamed epoch, for schedules that count epochs. By default to the end of the file.'),
  timeoutSeconds: real({ above: 0 })
    .default(DEFAULT_TIMEOUT_SECONDS)
    .describe('Seconds without an answer after which a file (a network, a disk) counts as hanging.'),
})

/** A path stands for that source. */
export const Data = z
  .union([
    text()
      .transform((source): z.input<typeof DataObject> => ({ source }))
      .pipe(DataObject),
    DataObject,
  ])
  .optional()
  .describe('Where the command line takes its data from; the library is given data by `fit`.')

/** Fields that hold paths: relative ones are meant from the config file's folder. */
export const dataPaths = ['source', 'labels', 'validation', 'validationLabels', 'test', 'testLabels'] as const

/** The schema gives what src/data takes, field for field; tsc fails here when they part. */
type Given = NonNullable<z.output<typeof Data>>
export type DataAgrees = [Agrees<Given, DataConfig>, Agrees<keyof DataConfig, keyof Given>]
