import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Trainers start their own threads, and the machine may have two cores: files run one beside another, not more.
    maxWorkers: 2,
    // What a test measures of its own memory is then what it keeps, not how much garbage the engine lets lie.
    execArgv: ['--max-semi-space-size=16'],
  },
})
