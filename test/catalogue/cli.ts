/** Command lines. Their files: runners.ts. */

export const cliCases: readonly (readonly [string[], message: string])[] = [
  [['trian'], "unknown command 'trian'\n(Did you mean train?)"],
  [['--frobnicate'], 'unknown flag `--frobnicate`; `brigantine --help` shows what there is'],
  [['train', '--bacth-size', '3'], 'unknown flag `--bacth-size`; did you mean `--batch-size`?'],
  [['train', '--epochs'], "option '--epochs <value>' argument missing"],
  [['train', '--epochs', '0'], 'command line: `epochs`: expected an integer >= 1, got `0` (number)'],
  [['train', '--epochs', 'ten'], 'command line: `epochs`: expected an integer >= 1, got `"ten"` (string)'],
  [
    ['train', '--workers', '0'],
    "command line: `workers`: expected 'auto' or an integer from 1 to 256, got `0` (number)",
  ],
  [['train', '--lr', 'fast'], 'command line: `learningRate`: expected a number > 0, got `"fast"` (string)'],
  [['train', '--lr', '-1'], 'command line: `learningRate`: expected a number > 0, got `-1` (number)'],
  [
    ['train', '--optimizer', 'adm'],
    "command line: `optimizer`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or an object, got `\"adm\"` (string); did you mean `adam`?",
  ],
  [
    ['train', '--optimizer.beta1', '2'],
    'command line: `optimizer.beta1`: expected a number in [0, 1), got `2` (number)',
  ],
  [
    ['train', '--kernels', 'gpu'],
    "command line: `kernels`: expected one of 'auto', 'reference', 'wasm-strict', 'wasm', 'native', 'blas', got `\"gpu\"` (string)",
  ],
  [
    ['train', '--clip', 'none'],
    "command line: `clip`: expected a number > 0, or one of 'off', 'auto', or an object, got `\"none\"` (string)",
  ],
  [
    ['train', '--layers', '10,x'],
    'command line: `model.layers`: expected units of layers, such as 64,32,10, got `10,x`',
  ],
  [['train', '--layers', ''], 'command line: `model.layers`: expected units of layers, such as 64,32,10, got `null`'],
  [
    ['train', '--layers', '64,0'],
    'command line: `model.layers[1].units`: expected an integer from 1 to 16777216, got `0` (number)',
  ],
  [['train', '--shuffle=maybe'], 'command line: `shuffle`: expected `true` or `false`, got `"maybe"` (string)'],
  [['train', '--set', 'epoch=3'], 'command line: `epoch`: unknown field; did you mean `epochs`?'],
  [['train', '--set', 'epochs'], '`--set`: expected path=value, got `epochs`; e.g. --set optimizer.beta1=0.8'],
  [['train', '--set', '=3'], '`--set`: expected path=value, got `=3`; e.g. --set optimizer.beta1=0.8'],
  [['train', '--set', '__proto__.polluted=1'], 'command line: `__proto__`: unknown field; known here: $schema, …'],
  [
    ['train', '--set', 'optimizer.constructor.x=1'],
    'command line: `optimizer.constructor`: unknown field; known here: type, learningRate, beta1, beta2, epsilon, weightDecay',
  ],
  [
    ['train', '--set', 'model.layers=[{type: dense'],
    'command line: `model.layers`: expected an array of layers, got `"[{type: dense"` (string)',
  ],
  [
    ['train', '--data=~/rows.csv', '--layers', '3'],
    'Expected a data file at ~/rows.csv, found none. `~` is your home folder only where the shell reads it, not in quotes, after `=`, or in a file: write the whole path',
  ],
  [
    ['train', '~/run.yaml'],
    '~/run.yaml: cannot read the config: no such file; `~` is your home folder only where the shell reads it, not in quotes, after `=`, or in a file: write the whole path',
  ],
  [
    ['train', '--resume=~/runs'],
    '--resume: expected a checkpoint or the folder of a run, got `~/runs`, which does not exist or cannot be reached; `~` is your home folder only where the shell reads it, not in quotes, after `=`, or in a file: write the whole path',
  ],
  [
    ['evaluate', '~/model.brig'],
    '~/model.brig: expected a model or checkpoint file, but there is no such file; `~` is your home folder only where the shell reads it, not in quotes, after `=`, or in a file: write the whole path.',
  ],
  [['train', 'nowhere.yaml'], 'nowhere.yaml: cannot read the config: no such file'],
  [['train', '.'], '.: cannot read the config: it is a folder; name a file in it'],
  [['train', 'a.yaml', 'b.yaml'], "too many arguments for 'train'. Expected 1 argument but got 2: a.yaml, b.yaml."],
  [['train', 'empty.yaml'], 'empty.yaml: expected a config with fields, got nothing'],
  [['train', 'list.yaml'], 'list.yaml: expected a config with fields, got an array of 2'],
  [
    ['train', 'broken.yaml'],
    'broken.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [['train', 'twice.yaml'], 'twice.yaml:2:1: Map keys must be unique'],
  [['train', '/dev/zero'], '/dev/zero: expected a config of at most 16 MiB, got more. Is it a file of data?'],
  [['train', 'bomb.yaml'], 'bomb.yaml: Excessive alias count indicates a resource exhaustion attack'],
  [
    ['train', 'tag.yaml'],
    'tag.yaml:1:1: `epochs`: expected an integer >= 1, got `"function () {}"` (string)\ntag.yaml:1:1: `model`: missing; expected an object with `layers`',
  ],
  [['train', 'broken.json'], 'broken.json:1:15: Unexpected , in flow map'],
  [
    ['train', 'wrong.yaml'],
    'wrong.yaml:3:22: `model.layers[0].units`: expected an integer from 1 to 16777216, got `0` (number)',
  ],
  [['train', 'throws.mjs'], 'throws.mjs: cannot read the config: from within'],
  [['train', 'nothing.mjs'], 'nothing.mjs: expected a default export that is a config object, got `undefined`'],
  [
    ['train', '--data', 'a.csv'],
    '`model`: missing; name a config file that describes it, or give the units of its layers: --layers 64,32,N for N classes or target columns',
  ],
  [
    ['train', '--data', 'nowhere.csv', '--layers', '3'],
    'Expected a data file at nowhere.csv, found none. Check the path; it counts from the current folder',
  ],
  [
    ['train', '--data', 'digist', '--layers', '10'],
    'Expected a data file at digist, found none. Check the path; it counts from the current folder. The built-in data set is called "digits"',
  ],
  [
    ['train', '--data', 'tiny.csv', '--layers', '3', '--data.target', 'colour'],
    'Expected data.target to name a column of tiny.csv, got "colour". Its 3 columns are: a, b, kind',
  ],
  [
    ['train', '--data', 'tiny.csv', '--layers', '2', '--loss', 'meanSquaredError', '--data.target', 'kind'],
    "Expected targets of shape [rows, 2] for loss `meanSquaredError` over 2 outputs, got [rows, 1]. Set the last layer's `units` to 1, or choose another loss.",
  ],
  [
    ['train', '--data', 'tiny.csv', '--layers', '1', '--data.target', 'kind'],
    'Expected the last layer to have a unit for each of the 3 classes of the data (x, y, z), got 1. Set its `units` to 3.',
  ],
  [
    ['train', '--data', 'tiny.csv', '--layers', '2', '--early-stopping.monitor', 'val_loss', '--out', 'tiny.csv/run'],
    'Expected the last layer to have a unit for each of the 3 classes of the data (x, y, z), got 2. Set its `units` to 3.',
  ],
  [
    ['train', '--data', 'http://example.com/a.csv', '--layers', '3'],
    'Expected a data file at a path of this machine, got the address http://example.com/a.csv. Download it first',
  ],
  [
    ['train', '--data', 'tiny.csv/x', '--layers', '3'],
    'Expected to read tiny.csv/x, got ENOTDIR. A part of its path is a file: check the path',
  ],
  [
    ['train', '--resume', 'nowhere'],
    '--resume: expected a checkpoint or the folder of a run, got `nowhere`, which does not exist or cannot be reached',
  ],
  [['train', '--resume', '.'], '--resume: there is no checkpoint `last.ckpt`; train without --resume first'],
  [
    ['train', '--resume', 'tiny.csv'],
    'tiny.csv: expected a Brigantine model or checkpoint, got another kind of file. Name one that a training wrote, such as model.brig.',
  ],
  [
    ['train', '--inject', 'explode@step=3'],
    'Fault `explode@step=3`: expected a fault of worker-exit, worker-throw, worker-stall, delay, nan, flip, weight, silent-part, large-part, torn-write, got `"explode"` (string).',
  ],
  [
    ['train', '--inject', 'worker-exit@stpe=3'],
    'Fault `worker-exit@stpe=3`: expected a key of step, phase, stage, piece, part, worker, at, millis, got `"stpe"` (string).',
  ],
  [
    ['train', '--inject', 'worker-exit@step=x'],
    'Fault `worker-exit@step=x`: expected `step` to be an integer >= 0, got `"x"` (string).',
  ],
  [
    ['train', '--inject', 'worker-exit@phase=rosw'],
    'Fault `worker-exit@phase=rosw`: expected `phase` of rows, gradient, reduce, update, evaluate, combine, exchange, snapshot, got `"rosw"` (string).',
  ],
  [
    ['train', '--inject', 'worker-exit@at=end'],
    'Fault `worker-exit@at=end`: expected `at` of start, claim, piece, decide, wait, got `"end"` (string).',
  ],
  [['evaluate'], "missing required argument 'model'"],
  [['evaluate', 'nowhere.brig'], 'nowhere.brig: expected a model or checkpoint file, but there is no such file.'],
  [
    ['evaluate', 'tiny.csv'],
    'tiny.csv: expected a Brigantine model or checkpoint, got another kind of file. Name one that a training wrote, such as model.brig.',
  ],
  [
    ['evaluate', '.'],
    '.: expected a model or checkpoint file, but it is a folder: name a file in it, such as model.brig.',
  ],
  [['predict', 'nowhere.brig'], "required option '--data <file>' not specified"],
  [
    ['predict', 'nowhere.brig', '--data', 'digits', '--limit', 'x'],
    "option '--limit <n>' argument 'x' is invalid. Expected an integer >= 1.",
  ],
  [
    ['predict', 'nowhere.brig', '--data', 'digits', '--limit', '0'],
    "option '--limit <n>' argument '0' is invalid. Expected an integer >= 1.",
  ],
  [
    ['predict', 'nowhere.brig', '--data', 'digits', '--format', 'csw'],
    "option '--format <name>' argument 'csw' is invalid. Allowed choices are auto, csv, tsv, idx, npy, npz, jsonl, parquet, arrow, folders, images, text.",
  ],
  [
    ['predict', 'nowhere.brig', '--data', 'digits'],
    'nowhere.brig: expected a model or checkpoint file, but there is no such file.',
  ],
  [
    ['export', 'nowhere.brig', 'a.safetensors'],
    'nowhere.brig: expected a model or checkpoint file, but there is no such file.',
  ],
  [
    ['export', 'nowhere.brig', 'a.h5'],
    'a.h5: expected a name that ends with .safetensors or .onnx, which says what to write',
  ],
  [
    ['import', 'nowhere.safetensors', 'a.brig'],
    'nowhere.safetensors: expected a safetensors file, but there is no such file.',
  ],
  [
    ['import', 'tiny.csv', 'a.brig'],
    'tiny.csv: expected a header of at most 37 bytes, got 7236837560258014305. The file is no safetensors file, or is damaged.',
  ],
  [
    ['report', 'nowhere'],
    'nowhere/log.jsonl: expected the log of a run, but there is no such file. Name the folder of a run.',
  ],
  [['plan', 'nowhere.yaml'], 'nowhere.yaml: cannot read the config: no such file'],
  [
    ['plan', '--workers', '1000'],
    "command line: `workers`: expected 'auto' or an integer from 1 to 256, got `1000` (number)",
  ],
  [['check', 'nowhere.yaml'], 'nowhere.yaml: cannot read the config: no such file'],
  [['bench', 'stepp'], "unknown command 'stepp'\n(Did you mean step?)"],
  [['simulate', '--workers', 'many'], 'Expected `--workers` as a range like 1..256 or a list like 1,2,6, got `many`.'],
  [['doctor', '--jsn'], 'unknown flag `--jsn`; did you mean `--json`?'],
]
