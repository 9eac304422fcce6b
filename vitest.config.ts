import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs tools of its own: `npm run openapi`.
    exclude: [...configDefaults.exclude, 'test/openapi/**'],
    // What is waited for comes, also on a slow, busy machine.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    // Whatever keys, local models and git settings this machine has: tests that want a model or an ignore file say so.
    env: { CODEBUDDY_MODEL: 'offline', GIT_CONFIG_GLOBAL: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
  },
});
