/** One rank: trains with a NaN that the machine makes on rank 0, and with one that is in the numbers; says what was seen. */
import { Crew } from '../../src/crew/crew.ts'
import { Ranks } from '../../src/crew/ranks.ts'
import { looksAt } from './cases.ts'

const ranks = (await Ranks.join())!
const crew = new Crew(Number(process.argv[2]))
const nan = ranks.rank === 0 ? ['nan@step=3'] : []
process.stdout.write(`${JSON.stringify([await looksAt(crew, nan, ranks), await looksAt(crew, 'numbers', ranks)])}\n`)
await crew.close()
await ranks.leave()
