/** Ours as a contestant. node bench/peers/ours.ts KERNELS WORKERS */
import type { KernelName } from '../../src/kernels/kernels.ts'
import { serve } from './protocol.ts'
import { contestant } from './trained.ts'

const [kernels, workers] = [process.argv[2] as KernelName, Number(process.argv[3])]

await serve(() => Promise.resolve(contestant({ kernels, workers })))
