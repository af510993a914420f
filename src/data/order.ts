/**
 * Counter-based data order: which sample stands at a position of an epoch, computed from (seed, epoch, position) alone.
 * Nothing is stored or shuffled, so the place inside an epoch is one integer and every worker finds the same order.
 *
 * Method: a Feistel network over the next power of two >= size, its halves equal to within one bit, with cycle walking
 * (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). From 33 samples on, the domain is less than twice
 * the size, so a walk takes fewer than two turns on average. Keys and rounds mix by the finaliser of MurmurHash3.
 */

const ROUNDS = 8
/** Halves of fewer bits have too few round functions for all orders of a small set to be equally likely. */
const MIN_BITS = 6

/** Numbers that `writeRoundKeys` writes. */
export const ROUND_KEYS = ROUNDS

/** Largest `size` of an order. */
export const MAX_ORDER_SIZE = 2 ** 31

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Writes the keys of (seed, epoch), both taken as uint32, into the first `ROUND_KEYS` places of `keys`.
 * @param first where an epoch is ordered in parts: the part's first row
 */
export function writeRoundKeys(keys: Uint32Array, seed: number, epoch: number, first = 0): void {
  let state = mix(mix(seed ^ 0x9e3779b9) ^ Math.imul(epoch, 0x85157af5) ^ mix(first) ^ 0x5bf03635)
  for (let round = 0; round < ROUNDS; round++) {
    state = mix((state + 0x9e3779b9) ^ Math.imul(seed, round + 1))
    keys[round] = state
  }
}

/** The sample at `index` (0 <= index < size <= 2^31) under keys from `writeRoundKeys`. Allocates nothing. */
export function permuteWithKeys(index: number, size: number, keys: Uint32Array): number {
  const bits = Math.max(MIN_BITS, 32 - Math.clz32(size - 1))
  const rightBits = (bits + 1) >>> 1
  const rightMask = (1 << rightBits) - 1
  const leftMask = (1 << (bits - rightBits)) - 1
  let value = index
  do {
    let left = value >>> rightBits
    let right = value & rightMask
    for (let round = 0; round < ROUNDS; round += 2) {
      left ^= mix(right ^ keys[round]!) & leftMask
      right ^= mix(left ^ keys[round + 1]!) & rightMask
    }
    value = (left << rightBits) | right
  } while (value >= size)
  return value
}

const scratch = new Uint32Array(ROUNDS)

/** The sample at `index` of epoch `epoch`: for every (size, seed, epoch) a bijection of [0, size), 1 <= size <= 2^31. */
export function permute(index: number, size: number, seed: number, epoch: number, first = 0): number {
  writeRoundKeys(scratch, seed, epoch, first)
  return permuteWithKeys(index, size, scratch)
}

/** `permute` with the keys of (seed, epoch) computed once. */
export function dataOrder(size: number, seed: number, epoch: number): (index: number) => number {
  const keys = new Uint32Array(ROUNDS)
  writeRoundKeys(keys, seed, epoch)
  return (index) => permuteWithKeys(index, size, keys)
}
