import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Trainers start their own threads, and the machine may have two cores: files run one beside another, not more.
    maxWorkers: 2,
  },
})
