import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNumber, plainNumber } from '../../src/data/read/numbers.ts'

const plain = (text: string) => plainNumber(Buffer.from(`x${text}y`), 1, text.length + 1)

describe('numbers from bytes', () => {
  it('are those of the text, to the bit, or left to it', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 19 })
    const sign = fc.constantFrom('', '-', '+')
    const exponent = fc.oneof(
      fc.constant(''),
      fc.tuple(fc.constantFrom('e', 'E'), sign, fc.nat(330)).map((parts) => parts.join('')),
    )
    const spelled = fc.tuple(sign, digits, fc.constantFrom('', '.'), digits, exponent).map((parts) => parts.join(''))
    const odd = fc.string({ unit: fc.constantFrom(...'019.+-eEx_ ,'), maxLength: 8 })
    const written = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)
    fc.assert(
      fc.property(fc.oneof(spelled, odd, written), (text) => {
        const value = plain(text)
        if (value !== undefined) expect(value).toBe(parseNumber(text))
      }),
      { numRuns: 5000 },
    )
  })

  it('need no text where digits and power of ten are few', () => {
    const texts = ['0', '-0', '007', '3.', '.5', '+1.25', '-17.75e-3', '9007199254740991', '1E22', '1e-22']
    for (const text of texts) expect(plain(text)).toBe(Number(text))
    for (const text of ['', '-', '.', 'e5', '1e', '1e+', '9007199254740993', '1e23', '0x10', '1 ']) {
      expect(plain(text)).toBeUndefined()
    }
  })
})
