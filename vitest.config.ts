import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    include: ['tests/unit/**/*.test.ts', 'tests/contract/**/*.test.ts', 'tests/golden/**/*.test.ts'],
  },
})
