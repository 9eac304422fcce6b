import { configDefaults, defineConfig } from 'vitest/config';

/** Tests of the built program: `dist` is built before them, and only if one of them runs. */
const testsOfDist = ['test/cli/cli.test.ts', 'test/library/migrating.test.ts'];
/** Needs tools of its own: `npm run openapi`. */
const testsOfOpenApi = 'test/openapi/**';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, testsOfOpenApi, ...testsOfDist],
        },
      },
      {
        extends: true,
        test: { name: 'dist', include: testsOfDist, globalSetup: ['test/build-dist.ts'] },
      },
    ],
    // Generous, so that waiting ends on a slow, busy machine, too.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    // Independent of the keys, local models and git settings of this machine. Tests that need a model or an ignore file set it up themselves.
    env: { CODEBUDDY_MODEL: 'offline', GIT_CONFIG_GLOBAL: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/client/api-types.ts'],
      reporter: [['text', { skipFull: true }], 'html'],
    },
  },
});
