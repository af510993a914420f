/** One rank: trains all cases with so many workers, and `sharded` state or not, and says the hashes it ended with. */
import { Crew } from '../../src/crew/crew.ts'
import { Ranks } from '../../src/crew/ranks.ts'
import { hashes } from './cases.ts'

const ranks = (await Ranks.join())!
const crew = new Crew(Number(process.argv[2]))
process.stdout.write(
  `${JSON.stringify(await hashes(crew, ranks, { shardOptimizerState: process.argv[3] === 'sharded' }))}\n`,
)
await crew.close()
await ranks.leave()
