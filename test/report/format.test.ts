import { expect, test } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatNumber,
  formatRate,
} from '../../src/report/format.ts'
import { table } from '../../src/report/table.ts'

test.each([
  [0, '0'],
  [0.12345, '0.1235'],
  [12.345, '12.35'],
  [1234.56, '1234.6'],
  [42, '42'],
  [0.00001234, '1.23e-5'],
  [NaN, 'NaN'],
  [-Infinity, '-Infinity'],
])('the number %d is shown as %s', (value, text) => expect(formatNumber(value)).toBe(text))

test.each([
  [0.4249, '0.42 s'],
  [12.4, '12 s'],
  [185, '3 min 05 s'],
  [3720, '1 h 02 min'],
  [NaN, '-'],
])('%d seconds are shown as %s', (value, text) => expect(formatDuration(value)).toBe(text))

test.each([
  [512, '512 B'],
  [1536, '1.50 KiB'],
  [200 * 2 ** 20, '200 MiB'],
  [2 ** 31, '2.00 GiB'],
])('%d bytes are shown as %s', (value, text) => expect(formatBytes(value)).toBe(text))

test('counts, rates and metrics', () => {
  expect(formatCount(1234567)).toBe('1,234,567')
  expect([formatRate(870), formatRate(12_345), formatRate(4_560_000)]).toEqual(['870', '12.3k', '4.56M'])
  expect(formatMetric('val_acc', 0.97222)).toBe('97.22 %')
  expect(formatMetric('top5Acc', 1)).toBe('100.00 %')
  expect(formatMetric('loss', 0.5)).toBe('0.5000')
})

test('a table is aligned, numbers to the right, without trailing spaces', () => {
  expect(
    table(
      [
        ['a', '1'],
        ['bcd', '100', 'x'],
      ],
      { header: ['name', 'n'], right: [1] },
    ),
  ).toBe(['name    n', 'a       1', 'bcd   100  x'].join('\n'))
})
