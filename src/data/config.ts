/** A column by name, or by position: 0 is the first, -1 the last. Columns of files without names are called '0', '1', ... */
export type ColumnRef = string | number

/** Where data comes from and what is done to it before training. */
export interface DataConfig {
  /**
   * 'digits' (built in), or the path of a CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY or NPZ file (gzip is noticed by
   * itself), of a running text (`format: 'text'`), or of a folder that has a folder of texts or images (PNG,
   * JPEG) for each class.
   */
  source: string
  /** File of labels beside `source` (IDX, NPY). */
  labels?: string | undefined
  validation?: string | undefined
  validationLabels?: string | undefined
  test?: string | undefined
  testLabels?: string | undefined
  /** Default 'auto': by the contents. `text` is never guessed: windows of a running text, each to be told its next tokens. */
  format?: DataFormat | 'auto' | undefined
  /** Does a CSV file begin with column names? Default 'auto': yes if no cell of its first line is a number. */
  header?: 'auto' | boolean | undefined
  /** Default: the one of , tab ; | that is most frequent in the first line. */
  delimiter?: string | undefined
  /** Default: the last column. */
  target?: ColumnRef | ColumnRef[] | undefined
  /** Default: all columns but the target and `drop`. */
  features?: ColumnRef[] | undefined
  drop?: ColumnRef[] | undefined
  /** Numeric columns that are categories all the same. Columns of text are categories without being listed. */
  categorical?: ColumnRef[] | undefined
  task?: 'auto' | Task | undefined
  /** Texts that stand for a missing value. Default '', 'NA', 'NaN', 'null', '?'. */
  missing?: string[] | undefined
  /** Default 'error'. 'mean' is the mean of the training part, or the most frequent category. */
  fillMissing?: 'error' | 'mean' | number | undefined
  /** Default 'standardize' (mean 0, standard deviation 1); a number multiplies. IDX and images: 1/255, digits: 1/16. */
  scale?: 'standardize' | 'none' | number | undefined
  /** A category that the training part has not: default 'error'; 'zero' encodes it as all zero. */
  unknownCategory?: 'error' | 'zero' | undefined
  /** Regression: standardise the target too. Default 'none'. */
  scaleTarget?: 'standardize' | 'none' | undefined
  /** The class as one probability per class: for mixup, and losses that take these. Default false. */
  oneHot?: boolean | undefined
  /** Share of the rows of `source` held out for validation, in (0, 1). */
  validationSplit?: number | undefined
  /** Share of the rows of `source` held out for the test, in (0, 1). */
  testSplit?: number | undefined
  /** How columns of text become numbers, where they are no categories; and a running text. */
  text?: TextConfig | undefined
  /** How image files become numbers. */
  images?: ImageConfig | undefined
  /** Which folders of a `source` that is one make up each class. Default: each is a class of its own. */
  folders?: Record<string, string[]> | undefined
  /** Read at most so many rows of each file. */
  limit?: number | undefined
  /**
   * Read `source` (CSV, TSV, JSON Lines, Parquet, Arrow, IDX, NPY, NPZ, a running text, class folders) anew in each epoch, a
   * window of `bufferRows` rows at a time. What its columns are (means and deviations, categories, characters) is told by its
   * first 65,536 rows, or the first 64 MiB of texts, images and arrays; the files of folders come in another order in each epoch. Default false.
   */
  streaming?: boolean | undefined
  /** Rows of a window. Default 65,536, or what fits in 64 MiB. */
  bufferRows?: number | undefined
  /** Batches of an epoch, for schedules that count epochs. Default: until the end of the file. */
  stepsPerEpoch?: number | undefined
  /** Seconds without an answer after which a file counts as hanging. Default 60. */
  timeoutSeconds?: number | undefined
}

export type DataFormat =
  'csv' | 'tsv' | 'idx' | 'npy' | 'npz' | 'jsonl' | 'parquet' | 'arrow' | 'folders' | 'images' | 'text'
export type Task = 'classification' | 'regression'

export interface TextConfig {
  /** Default: every column of text but the target. */
  columns?: ColumnRef[] | undefined
  /** `words`: counts by hash. `chars`, `bytes`: the first ones, as numbers for an embedding. */
  tokens: 'words' | 'chars' | 'bytes'
  /** Numbers that a text becomes; of a running text the length of a window. */
  size: number
}

export interface ImageConfig {
  /** Height and width to which images are resized, or one number for both. Default: the size that all have. */
  size?: number | [number, number] | undefined
  /** Default 'rgb'. */
  colorMode?: 'rgb' | 'grayscale' | undefined
}

/** `DataConfig.timeoutSeconds` when it is not given. */
export const DEFAULT_TIMEOUT_SECONDS = 60

/** `DataConfig.missing` when it is not given. */
export const DEFAULT_MISSING: readonly string[] = ['', 'NA', 'NaN', 'null', '?']
