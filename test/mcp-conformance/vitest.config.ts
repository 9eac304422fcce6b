import { defineConfig } from 'vitest/config';
import { TEST_LIMIT_MS } from '../wait-for.ts';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/mcp-conformance/*.test.ts'],
    testTimeout: TEST_LIMIT_MS,
    hookTimeout: TEST_LIMIT_MS,
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    env: { CODEBUDDY_MODEL: 'offline' },
  },
});
