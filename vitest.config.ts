import { configDefaults, defineConfig } from 'vitest/config';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from './test/wait-for.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs tools of its own: `npm run openapi`.
    exclude: [...configDefaults.exclude, 'test/openapi/**'],
    // The limits bound a hung test on a slow, busy machine. No test sets a shorter one.
    expect: { poll: { timeout: WAIT_LIMIT_MS, interval: 10 } },
    testTimeout: TEST_LIMIT_MS,
    hookTimeout: TEST_LIMIT_MS,
    pool: 'forks',
    maxWorkers: 2,
    // Ignore the machine's keys, local models and git settings. Tests that need a model or an ignore file set it up.
    env: { CODEBUDDY_MODEL: 'offline', GIT_CONFIG_GLOBAL: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
  },
});
