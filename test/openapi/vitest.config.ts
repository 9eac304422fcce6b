import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/openapi/*.test.ts'],
    // The tools are slow to load, and the machine may be busy.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    env: { CODEBUDDY_MODEL: 'offline' },
  },
});
