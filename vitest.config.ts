import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    // Whatever keys and local models this machine has: tests that want a model say so.
    env: { CODEBUDDY_MODEL: 'offline' },
  },
});
