/** One rank: trains with sums in the plan's order and in MPI's, and says how far the weights are apart. */
import { Crew } from '../../src/crew/crew.ts'
import { Ranks } from '../../src/crew/ranks.ts'
import { weightsBy } from './cases.ts'

const SHARDS = 6

const ranks = (await Ranks.join())!
const crew = new Crew(1)
const tree = await weightsBy('tree', SHARDS, crew, ranks)
const sum = await weightsBy('mpi-sum', SHARDS, crew, ranks)
const apart = Math.max(...tree.weights.map((weight, i) => Math.abs(weight - sum.weights[i]!)))
process.stdout.write(`${JSON.stringify({ tree: tree.hash, sum: sum.hash, apart })}\n`)
await crew.close()
await ranks.leave()
