/** Colours for quantities: 256 steps from dark violet over green to yellow, as "viridis" (S. van der Walt, N. Smith; CC0) has them. */

/** Every 16th colour of viridis, and its last. Between them it is nearly straight. */
const ANCHORS = [
  0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c, 0x1fa088, 0x28ae80,
  0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
]

export type Rgb = readonly [number, number, number]

/** @param share from 0 (least) to 1 */
export function sequential(share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (ANCHORS.length - 1)
  const i = Math.min(ANCHORS.length - 2, Math.floor(at))
  const [a, b] = [channels(ANCHORS[i]!), channels(ANCHORS[i + 1]!)]
  return [0, 1, 2].map((c) => Math.round(a[c]! + (b[c]! - a[c]!) * (at - i))) as unknown as Rgb
}

const channels = (colour: number): Rgb => [colour >> 16, (colour >> 8) & 255, colour & 255]

export const hex = (rgb: Rgb): string => `#${rgb.map((c) => c.toString(16).padStart(2, '0')).join('')}`
