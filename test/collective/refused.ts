/** One rank of a run that shall be repaired: says why it is not begun. */
import { Crew } from '../../src/crew/crew.ts'
import { Ranks } from '../../src/crew/ranks.ts'
import { hashes } from './cases.ts'

const ranks = (await Ranks.join())!
const crew = new Crew(1)
const said = await hashes(crew, ranks, { health: 'repair' }).catch((error: unknown) => (error as Error).message)
process.stdout.write(`${String(said)}\n`)
await crew.close()
await ranks.leave()
