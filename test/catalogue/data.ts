/** Data files, and what `data` says of them. */
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { idx, npy } from '../data/formats.ts'
import { bytes, file, flipped, npySaying } from './make.ts'
import type { InputFile } from './make.ts'

export const dataCases: readonly (readonly [InputFile, message: string])[] = [
  [file('empty.csv', ''), 'Expected data in empty.csv, got an empty file (0 bytes)'],
  [file('blank.csv', '\n\n\n'), 'Expected rows of data in blank.csv, got none'],
  [file('header.csv', 'a,b,c\n'), 'Expected rows of data in header.csv, got none'],
  [
    file('ragged.csv', 'a,b,c\n1,2,3\n4,5\n'),
    'Expected 3 fields as in the first line of ragged.csv, got 2 in line 3. Mend the line, or name another data.delimiter',
  ],
  [
    file('quote.csv', 'a,b\n1,"2\n3,4\n'),
    'Expected CSV in quote.csv, got a field that does not parse: Quote Not Closed: the parsing is finished with an opening quote at line 3. Fields that hold quotes or the delimiter are written "like ""this"""',
  ],
  [
    file('twice.csv', 'a,a,b\n1,2,3\n'),
    'Expected different column names in the header of twice.csv, got "a" twice. Rename one, or set data.header to false if the line is data',
  ],
  [
    file('commas.csv', ','.repeat(2 ** 17)),
    'Expected at most 131072 columns in commas.csv, got 131073. Rows as wide as that are read from an NPY file',
  ],
  [
    file(
      'keys.jsonl',
      Array.from({ length: 200 }, (_, line) =>
        JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${line}-${i}`, 1]))),
      ).join('\n'),
    ),
    'Expected at most 131072 columns in keys.jsonl, got 131073. Rows as wide as that are read from an NPY file',
  ],
  [
    file('missing.csv', 'a,b\n1,x\n,y\n'),
    'Expected a value in missing.csv, line 3, column "a", got none (missing or NaN). Fill it with data.fillMissing (\'mean\' or a number), or drop the row or the column',
  ],
  [
    file('text.csv', `a,b\n${'1,2\n'.repeat(9)}one,3\n`),
    'Expected a number in text.csv, line 11, column "a", got "one". Mend the value, add it to data.missing if it means that there is none, or list the column in data.categorical or data.drop',
  ],
  [
    file('infinite.csv', 'a,b\n1,2\n2,3\n3,2\nInfinity,3\n'),
    'Expected a number in infinite.csv, line 5, column "a", got "Infinity". Mend the value, add it to data.missing if it means that there is none, or list the column in data.categorical or data.drop',
  ],
  [
    file('huge.csv', 'a,b\n1,2\n1e300,3\n', { scale: 'none' }),
    'Expected a finite number in huge.csv, line 3, column "a", got `1e+300` (too large for float32 once scaled). Scale the column first',
  ],
  [
    file('target.csv', 'a,b\n1,2\n3,4\n', { target: 'c' }),
    'Expected data.target to name a column of target.csv, got "c". Its 2 columns are: a, b',
  ],
  [
    file('target-index.csv', 'a,b\n1,2\n3,4\n', { target: 7 }),
    'Expected data.target to name a column of target-index.csv, got 7. Its 2 columns are: a, b',
  ],
  [
    file('features.csv', 'a,b\n1,2\n3,4\n', { features: ['aa'] }),
    'Expected data.features to name a column of features.csv, got "aa". Did you mean "a"? Its 2 columns are: a, b',
  ],
  [
    file('drop.csv', 'a,b\n1,2\n3,4\n', { drop: ['z'] }),
    'Expected data.drop to name a column of drop.csv, got "z". Its 2 columns are: a, b',
  ],
  [
    file('drop-all.csv', 'a,b\n1,2\n3,4\n', { drop: ['a'] }),
    'Expected a feature column or more in drop-all.csv, got none: its columns are a, b, the target is b. Name others in data.target or data.drop, name the file of labels in data.labels (IDX, NPY), or check data.delimiter',
  ],
  [
    file('both.csv', 'a,b\n1,2\n3,4\n', { target: 'b', features: ['a', 'b'] }),
    'Expected data.features and data.target to differ, got "b" in both. Its answer would be among its inputs',
  ],
  [
    file('categorical.csv', 'a,b\n1,2\n3,4\n', { categorical: ['q'] }),
    'Expected data.categorical to name a column of categorical.csv, got "q". Its 2 columns are: a, b',
  ],
  [
    file('delimiter.csv', 'a,b\n1,2\n3,4\n', { delimiter: ';' }),
    'Expected a feature column or more in delimiter.csv, got none: its columns are a,b, the target is a,b. Name others in data.target or data.drop, name the file of labels in data.labels (IDX, NPY), or check data.delimiter',
  ],
  [
    file('one-column.csv', 'a\n1\n2\n'),
    'Expected a feature column or more in one-column.csv, got none: its columns are a, the target is a. Name others in data.target or data.drop, name the file of labels in data.labels (IDX, NPY), or check data.delimiter',
  ],
  [
    file('split.csv', 'a,b\n1,2\n3,4\n', { testSplit: 0.9, validationSplit: 0.9 }),
    'Expected rows left for training, got 2 rows of which 2 are for validation and 2 for the test. Lower data.validationSplit or data.testSplit',
  ],
  [
    file('split-both.csv', 'a,b\n1,2\n3,4\n', { testSplit: 0.5, test: 'x.csv' }),
    'Expected data.test or data.testSplit, got both. Leave one out',
  ],
  [
    file('no-validation.csv', 'a,b\n1,2\n3,4\n', { validation: 'nowhere.csv' }),
    'Expected a data file at nowhere.csv, found none. Check the path; it counts from the current folder',
  ],
  [
    file('no-labels.csv', 'a,b\n1,2\n3,4\n', { labels: 'nowhere.npy' }),
    'Expected a data file at nowhere.npy, found none. Check the path; it counts from the current folder',
  ],
  [
    file('utf32.csv', Buffer.from('fffe0000' + '61000000' + '2c000000' + '62000000', 'hex'), {}),
    'Expected text in UTF-8 in utf32.csv, got UTF-32. Save it as UTF-8',
  ],
  [file('classes.csv', 'a,b\n1,x\n3,x\n'), 'Expected two classes or more in column "b" of classes.csv, got only "x"'],
  [
    file('regression.csv', 'a,b\n1,x\n3,y\n', { task: 'regression' }),
    'Expected numbers in target column "b", got "x" in regression.csv, line 2. For classes set data.task to \'classification\'',
  ],
  [
    file('target-missing.csv', 'a,b\n1,2\n2,3\n3,\n'),
    'Expected a finite number as target in target-missing.csv, line 4, column "b", got none (missing or NaN). Mend the value or remove the row: targets are never filled in',
  ],
  [
    file('binary.csv', Uint8Array.of(1, 2, 0, 255, 0, 3)),
    'Expected CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY or NPZ in binary.csv, got binary data of another kind',
  ],
  [
    file('cut.csv.gz', gzipSync('a,b\n1,2\n3,4\n').subarray(0, 20)),
    'Expected a whole gzip file, but cut.csv.gz is truncated: it ends after 9 bytes. Copy or download it again',
  ],
  [
    file('flipped.csv.gz', flipped(gzipSync('a,b\n1,2\n3,4\n'), 14)),
    'Expected a gzip file, but flipped.csv.gz is damaged after 0 bytes (incorrect data check). Copy or download it again',
  ],
  [
    file('broken.jsonl', '{"a": 1, "b": 2}\n{"a": 1,\n'),
    'Expected JSON in broken.jsonl, line 2, got text that does not parse: …',
  ],
  [file('scalar.jsonl', '{"a": 1, "b": 2}\n3\n'), 'Expected an object in scalar.jsonl, line 2, got `3` (number)'],
  [file('mixed.jsonl', '{"a": 1, "b": 2}\n[1, 2]\n'), 'Expected an object in mixed.jsonl, line 2, got an array of 2'],
  [
    file('nested.jsonl', '{"a": {"b": 1}, "c": 2}\n'),
    'Expected a number, a text or an array of numbers in key "a" of nested.jsonl, line 1, got an object with keys b',
  ],
  [
    file('widths.jsonl', '{"a": [1, 2], "b": 1}\n{"a": [1], "b": 2}\n'),
    'Expected 2 numbers in key "a" of widths.jsonl, line 2, got 1',
  ],
  [
    file('texts.jsonl', '{"a": [1, "x"], "b": 1}\n'),
    'Expected numbers in key "a" of texts.jsonl, line 1, got `"x"` (string) at position 1',
  ],
  [file('shorter.jsonl', '[1, 2]\n[1]\n'), 'Expected 2 values as in the first line of shorter.jsonl, got 1 in line 2'],
  [
    file('proto.jsonl', '{"__proto__": {"x": 1}, "b": 1}\n'),
    'Expected a number, a text or an array of numbers in key "__proto__" of proto.jsonl, line 1, got an object with keys x',
  ],
  [
    file('magic.npy', Buffer.from('\x93NUMPX\x01\x00', 'latin1'), { format: 'npy' }),
    'Expected an NPY file of version 1 to 3, got something else in magic.npy',
  ],
  [
    file('version.npy', npy('<f4', [2], bytes(8), false, 9)),
    'Expected an NPY file of version 1 to 3, got something else in version.npy',
  ],
  [
    file('short.npy', npy('<f4', [2, 3], bytes(20))),
    'Expected 94 bytes in short.npy (header 70 + 2 x 3 elements of 4 bytes), found 90: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('long.npy', npy('<f4', [2, 3], bytes(28))),
    'Expected long.npy to end after the 94 bytes its header declares, found more',
  ],
  [
    file('object.npy', npy('|O', [2], bytes(8))),
    'Expected an NPY array of numbers (f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or bool), got `|O` in object.npy. Convert it, for example with array.astype("float32")',
  ],
  [
    file('complex.npy', npy('<c8', [2], bytes(16))),
    'Expected an NPY array of numbers (f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or bool), got `<c8` in complex.npy. Convert it, for example with array.astype("float32")',
  ],
  [
    file('half.npy', npy('<f2', [2], bytes(4))),
    'Expected an NPY array of numbers (f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or bool), got `<f2` in half.npy. Convert it, for example with array.astype("float32")',
  ],
  [file('empty.npy', npy('<f4', [0, 3], bytes(0))), 'Expected data in empty.npy, got an empty array (0 x 3)'],
  [
    file('giant.npy', npy('<f8', [1000000000, 1000000000], bytes(8))),
    'Expected 8000000000000000000 bytes in giant.npy (header 88 + 1000000000 x 1000000000 elements of 8 bytes), found 96: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('overflow.npy', npy('<f8', [2 ** 53, 2 ** 53, 2 ** 53], bytes(8))),
    'Expected 5.846006549323612e+48 bytes in overflow.npy (header 118 + 9007199254740992 x 9007199254740992 x 9007199254740992 elements of 8 bytes), found 126: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('negative.npy', npy('<f4', [-2, 3], bytes(24))),
    "Expected an NPY header with descr, fortran_order and shape in negative.npy, got {'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }",
  ],
  [
    file('scalar.npy', npy('<f4', [], bytes(4))),
    'Expected an array with one row or more in scalar.npy, got a single number',
  ],
  [
    file('wide.npy', npy('<u8', [1, 2], bytes(16).fill(255))),
    'Expected 64-bit integers below 2^53, got `18446744073709551615` in wide.npy, element 0. Save them as float64 if nearby numbers will do',
  ],
  [
    file('nan.npy', npy('<f4', [2, 2], new Uint8Array(Float32Array.of(NaN, 1, 2, 3).buffer))),
    'Expected a value in nan.npy, row 0 (counted from 0), column "0", got none (missing or NaN). Fill it with data.fillMissing (\'mean\' or a number), or drop the row or the column',
  ],
  [
    file('header.npy', Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\xff\xff', 'latin1'), bytes(9)])),
    'Expected 65545 bytes in header.npy (header 65545), found 19: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('cut.npy.gz', gzipSync(npy('<f4', [2, 3], bytes(24))).subarray(0, 40)),
    'Expected a whole gzip file, but cut.npy.gz is truncated: it ends after 29 bytes. Copy or download it again',
  ],
  [
    file('code.npy', npySaying("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}")),
    'Expected an NPY array of numbers (f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or bool), got a record or object type in code.npy. Convert it, for example with array.astype("float32")',
  ],
  [file('empty.npz', zipSync({ 'readme.txt': bytes(3) })), 'Expected NPY arrays in empty.npz, found none'],
  [
    file('cut.npz', zipSync({ 'x.npy': npy('<f4', [2], bytes(8)) }).subarray(0, 60)),
    'Expected a whole zip file, but cut.npz is truncated or damaged: its directory is not at its end. Copy or download it again',
  ],
  [
    file('rows.npz', zipSync({ 'x.npy': npy('<f4', [2], bytes(8)), 'y.npy': npy('<f4', [3], bytes(12)) })),
    'Expected arrays of equally many rows in rows.npz, got x with 2 and y with 3. Choose arrays by data.features and data.target',
  ],
  [
    file('inside.npz', zipSync({ 'x.npy': npy('<f4', [2, 3], bytes(12)), 'y.npy': npy('<f4', [2], bytes(8)) })),
    'Expected 94 bytes in inside.npz (x.npy) (header 70 + 2 x 3 elements of 4 bytes), found 82: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('gzipped.npz', gzipSync(zipSync({ 'x.npy': npy('<f4', [2], bytes(8)) })), { format: 'npz' }),
    'Expected an NPZ file, got one inside gzip: gzipped.npz. Unpack it first',
  ],
  [
    file('short.idx', idx([4, 2], bytes(7))),
    'Expected 20 bytes in short.idx (header 12 + 4 x 2 elements of 1 bytes), found 19: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [
    file('long.idx', idx([4, 2], bytes(9))),
    'Expected long.idx to end after the 20 bytes its header declares, found more',
  ],
  [
    file('type.idx', idx([4, 2], bytes(8), 7), { format: 'idx' }),
    'Expected an IDX file (first bytes 00 00, type 08 to 0e, dimensions >= 1), got 00 00 07 02 in type.idx',
  ],
  [
    file('axes.idx', idx([], bytes(8)), { format: 'idx' }),
    'Expected an IDX file (first bytes 00 00, type 08 to 0e, dimensions >= 1), got 00 00 08 00 in axes.idx',
  ],
  [
    file('giant.idx', idx([4294967295, 4294967295], bytes(8))),
    'Expected 18446744065119617000 bytes in giant.idx (header 12 + 4294967295 x 4294967295 elements of 1 bytes), found 20: the file is truncated or its header is damaged. Copy or download it again',
  ],
  [file('zero.idx', idx([0, 2], bytes(0))), 'Expected data in zero.idx, got an empty array (0 x 2)'],
  [
    file('text.parquet', 'PAR1 and then nothing of it'),
    'Expected a whole Parquet file, but text.parquet is damaged or of an unknown kind: parquet file invalid (footer != PAR1). Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('cut.parquet', Buffer.from('PAR1')),
    'Expected a whole Parquet file, but cut.parquet is damaged or of an unknown kind: its parts do not fit together. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file(
      'footer.parquet',
      Buffer.concat([Buffer.from('PAR1'), bytes(20), Uint8Array.of(255, 255, 255, 127), Buffer.from('PAR1')]),
    ),
    'Expected a whole Parquet file, but footer.parquet is damaged or of an unknown kind: parquet metadata length 2147483647 exceeds available buffer 24. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file(
      'zeros.parquet',
      Buffer.concat([Buffer.from('PAR1'), bytes(20), Uint8Array.of(8, 0, 0, 0), Buffer.from('PAR1')]),
    ),
    'Expected a whole Parquet file, but zeros.parquet is damaged or of an unknown kind: its parts do not fit together. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('cut.arrow', Buffer.from('ARROW1\0\0')),
    'Expected a whole Arrow file, but cut.arrow is damaged or of an unknown kind: it has 8 bytes. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('noise.arrow', Buffer.concat([Buffer.from('ARROW1\0\0'), bytes(64).fill(7)])),
    'Expected a whole Arrow file, but noise.arrow is damaged or of an unknown kind: it does not end in ARROW1: it is truncated. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('stream.arrow', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 1, 2, 3), { format: 'arrow' }),
    'Expected a whole Arrow file, but stream.arrow is damaged or of an unknown kind: a message of 2147483647 bytes is declared at byte 0, it has 11 bytes. Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('csv-as.npy', 'a,b\n1,2\n', { format: 'npy' }),
    'Expected an NPY file of version 1 to 3, got something else in csv-as.npy',
  ],
  [
    file('csv-as.idx', 'a,b\n1,2\n', { format: 'idx' }),
    'Expected an IDX file (first bytes 00 00, type 08 to 0e, dimensions >= 1), got 61 2c 62 0a in csv-as.idx',
  ],
  [
    file('csv-as.npz', 'a,b\n1,2\n', { format: 'npz' }),
    'Expected a whole zip file, but csv-as.npz is truncated or damaged: its directory is not at its end. Copy or download it again',
  ],
  [
    file('csv-as.parquet', 'a,b\n1,2\n', { format: 'parquet' }),
    'Expected a whole Parquet file, but csv-as.parquet is damaged or of an unknown kind: parquet file invalid (footer != PAR1). Copy or download it again; if others can read it, write it there as CSV',
  ],
  [
    file('csv-as.arrow', 'a,b\n1,2\n', { format: 'arrow' }),
    'Expected a whole Arrow file, but csv-as.arrow is damaged or of an unknown kind: a message of 174206049 bytes is declared at byte 0, it has 8 bytes. Copy or download it again; if others can read it, write it there as CSV',
  ],
]
