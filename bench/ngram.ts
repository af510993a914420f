/**
 * How many bits a character does an n-gram model need, on the data and the split of a config for a running text? The
 * baseline beside which a network is to be seen. Interpolated Kneser-Ney with three discounts per order (Chen and Goodman
 * 1998, TR-10-98); unlike the network, it sees its whole context at the beginning of a window too.
 *
 *   node bench/ngram.ts CONFIG [N]
 */
import { loadConfigFile } from '../src/config/file.ts'
import { parseConfig } from '../src/config/schema.ts'
import type { Dataset } from '../src/data/dataset.ts'
import { loadData } from '../src/data/load.ts'

/** What followed a context: how often each token, and how many of them once, twice, more often. */
interface Followers {
  total: number
  readonly counts: Map<number, number>
  readonly classes: [number, number, number]
}

interface Order {
  readonly contexts: Map<string, Followers>
  /** Taken off a count of 1, of 2, of 3 and more. */
  discounts: readonly [number, number, number]
}

/** Tokens are integers from 0 to 65,535, and one of `vocabulary`. */
export class NGram {
  /** By length of the context. */
  readonly #orders: readonly Order[]
  readonly #vocabulary: number

  constructor(tokens: ArrayLike<number>, n: number, vocabulary: number) {
    this.#vocabulary = vocabulary
    const orders = Array.from({ length: n }, (): Order => ({ contexts: new Map(), discounts: [0, 0, 0] }))
    this.#orders = orders
    for (let i = n - 1; i < tokens.length; i++) add(orders[n - 1]!, contextAt(tokens, i, n - 1), tokens[i]!)
    // Below the highest order counts after how many different tokens something came, not how often.
    for (let length = n - 1; length > 0; length--) {
      for (const [context, { counts }] of orders[length]!.contexts) {
        for (const token of counts.keys()) add(orders[length - 1]!, context.slice(1), token)
      }
    }
    for (const order of orders) settle(order)
  }

  /** p(token at `i` | those before it). */
  probability(tokens: ArrayLike<number>, i: number): number {
    let p = 1 / this.#vocabulary
    for (let length = 0; length < this.#orders.length && length <= i; length++) {
      const { contexts, discounts } = this.#orders[length]!
      const found = contexts.get(contextAt(tokens, i, length))
      if (!found) break
      const count = found.counts.get(tokens[i]!) ?? 0
      const left = count - (count > 0 ? discounts[Math.min(count, 3) - 1]! : 0)
      const freed = found.classes.reduce((sum, number, k) => sum + number * discounts[k]!, 0)
      p = (left + freed * p) / found.total
    }
    return p
  }

  /** Mean bits of the tokens from `start` on. */
  bits(tokens: ArrayLike<number>, start = 0): number {
    let sum = 0
    for (let i = start; i < tokens.length; i++) sum -= Math.log2(this.probability(tokens, i))
    return sum / (tokens.length - start)
  }
}

function add({ contexts }: Order, context: string, token: number): void {
  let found = contexts.get(context)
  if (!found) contexts.set(context, (found = { total: 0, counts: new Map(), classes: [0, 0, 0] }))
  found.total++
  found.counts.set(token, (found.counts.get(token) ?? 0) + 1)
}

/** Discounts from how many counts there are of 1, 2, 3 and 4; halves where one is missing. */
function settle(order: Order): void {
  const of = [0, 0, 0, 0]
  for (const { counts, classes } of order.contexts.values()) {
    for (const count of counts.values()) {
      classes[Math.min(count, 3) - 1]!++
      if (count <= 4) of[count - 1]!++
    }
  }
  const y = of[0]! / (of[0]! + 2 * of[1]!)
  const discount = (k: number): number => {
    const value = k - ((k + 1) * y * of[k]!) / of[k - 1]!
    return value > 0 && value < k ? value : k / 2
  }
  order.discounts = [discount(1), discount(2), discount(3)]
}

function contextAt(tokens: ArrayLike<number>, i: number, length: number): string {
  let context = ''
  for (let j = i - length; j < i; j++) context += String.fromCharCode(tokens[j]!)
  return context
}

/** The text that windows were cut from: their first token, and the targets, which are all that follow. */
export const textOf = ({ x, y }: Dataset): Float32Array => Float32Array.from([x[0]!, ...y])

if (import.meta.main) {
  const [file = 'bench/configs/moby-dick.yaml', n = '5'] = process.argv.slice(2)
  const { value, locate } = await loadConfigFile(file)
  const config = parseConfig(value, locate)
  const { train, validation } = await loadData(config.data!, config.seed)
  const [before, text] = [textOf(train), textOf(validation!)]
  // The first character is no target.
  const bits = new NGram(before, Number(n), train.classNames!.length - 1).bits(text, 1)
  process.stdout.write(`${n}-gram: ${bits.toFixed(4)} bits per token of ${text.length - 1}\n`)
}
