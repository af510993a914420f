import type { Command } from 'commander'
import type { HealthOptions } from '../../../bench/health/run.ts'
import type { ScalingOptions } from '../../../bench/scaling/run.ts'

/** `brigantine bench step`: the time of one training step. */
export function benchCommand(program: Command): void {
  const bench = program.command('bench').description('Measures this machine.')
  bench
    .command('step')
    .description('Times training steps: median, p10, p90, samples/s, GFLOP/s and share of the matrix-product peak.')
    .option(
      '--workload <name>',
      'a preset: mlp-small, -mnist, -mid, -big or -deep, cnn-mnist, char-lstm, char-transformer',
    )
    .option('--config <file>', 'the network and batch of a config file instead')
    .option('--workers <n>', "threads, or 'auto'")
    .option('--kernels <name>', "'auto', reference, wasm-strict, wasm, native or blas")
    .option('--roofline', "each phase's FLOPs and bytes beside the machine's measured peaks")
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine bench step\n  brigantine bench step --workload mlp-mid --workers 2 --kernels wasm --json',
    )
    .action(async (options: BenchOptions) => {
      const { main } = await import('../../../bench/step.ts')
      await main(options)
    })
  bench
    .command('scaling')
    .description('Speed-up and efficiency by number of workers, where the time goes, and what more cores would bring.')
    .option('--workload <name>', 'a preset: see bench step (default mlp-mid)')
    .option('--config <file>', 'the network and batch of a config file instead')
    .option('--workers <list>', 'numbers of workers, like 1,2,4 (default: powers of two up to the cores)')
    .option('--mode <mode>', 'strong (the same batch), weak (the batch grows with the workers) or both', 'both')
    .option('--rounds <n>', 'repetitions, the numbers of workers in turn', '9')
    .option('--seconds <s>', 'length of one repetition', '0.4')
    .option('--kernels <name>', "'auto', reference, wasm-strict, wasm, native or blas")
    .option('--out <folder>', 'writes scaling.html, the pictures and the figures there')
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine bench scaling\n  brigantine bench scaling --config run.yaml --out scaling',
    )
    .action(async (options: ScalingOptions) => {
      const { main } = await import('../../../bench/scaling/run.ts')
      await main(options)
    })
  bench
    .command('health')
    .description(
      'Detects, names and repairs labelled faults beside nine rivals: recall, precision, delay, repair rate.',
    )
    .option('--quick', '40 faulty and 24 healthy configurations, one seed each (default: 62 and 30, three seeds)')
    .option('--split <name>', 'test, tune or all (constants were chosen on tune alone)', 'all')
    .option('--case <ids>', 'only these configurations, like F1a,Hb')
    .option('--seeds <n>', 'seeds per configuration, up to 5')
    .option('--names', 'names the runs of the test split that went wrong, too (whoever tunes must not see them)')
    .option('--overhead', 'instead: what the detector costs per step, beside no detector, in turn')
    .option('--out <folder>', 'writes the figures and pictures there')
    .option('--json', 'machine-readable output')
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine bench health --quick\n  brigantine bench health --split test --out health',
    )
    .action(async (options: HealthOptions) => {
      const { main } = await import('../../../bench/health/run.ts')
      await main(options)
    })
}

export interface BenchOptions {
  readonly workload?: string
  readonly config?: string
  readonly workers?: string
  readonly kernels?: string
  readonly json?: boolean
  readonly roofline?: boolean
}
