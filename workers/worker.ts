/** The Piscina entry: one call is one worker's part in one run. */
import { work } from '../src/train/work.ts'

export default work
