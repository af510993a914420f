import type { Command } from 'commander'
import type { SimulateOptions } from '../../../bench/simulate/run.ts'

/** `brigantine simulate`: what more workers and machines would bring. */
export function simulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('Predicts the step time on more workers and machines, from the measured pieces of a step.')
    .option('--workload <name>', 'a preset: see bench step (default mlp-mid)')
    .option('--config <file>', 'the network and batch of a config file instead')
    .option('--workers <range>', 'a range (its powers of two) or a list of numbers of workers', '1..256')
    .option('--seconds <s>', 'to measure each plan for; two rounds of it at the least', '6')
    .option('--machines <n>', 'machines that share the batch', '1')
    .option('--latency <us>', 'microseconds of a message between machines', '5')
    .option('--network <GB/s>', 'bandwidth of a link, each way', '12.5')
    .option('--memory <GB/s>', 'bandwidth of the memory that all cores share (default: grows with the cores)')
    .option('--kernels <name>', "'auto', reference, wasm-strict, wasm, native or blas")
    .option('--out <file>', 'writes a picture there, like simulate.svg')
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine simulate --workload mlp-big\n  brigantine simulate --config run.yaml --workers 1,8,64 --machines 4',
    )
    .action(async (options: SimulateOptions) => {
      const { main } = await import('../../../bench/simulate/run.ts')
      await main(options)
    })
}
