import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from './test/wait-for.ts';

/** Tests of the built package. It is compiled before them, and only if one of them runs. */
const testsOfPackage = ['test/library/migrating.test.ts', 'test/library/client-entry.test.ts'];
/** Tests of several nodes, with real leases and faults of PostgreSQL: `npm run test:nodes`. They mostly wait. */
const testsOfNodes = ['test/nodes', 'test/webhooks/nodes', 'test/store/postgres'].map(
  (folder) => `${folder}/**/*.test.ts`,
);
/** These have scripts of their own: `npm run openapi`, `client-runtimes`, `mcp-conformance`, `test:agents`. */
const testsWithScripts = [
  'test/openapi/**',
  'test/client-runtimes/**',
  'test/mcp-conformance/**',
  'test/real-agents/**',
];
// For the workers, which run the sources as they are, and the hundreds of programs that tests start. Compiled once, they
// start in a third of the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/node-compile-cache', import.meta.url),
);

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...testsWithScripts, ...testsOfPackage, ...testsOfNodes],
          globalSetup: ['test/build-program.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'nodes', include: testsOfNodes, globalSetup: ['test/build-program.ts'] },
      },
      {
        extends: true,
        test: { name: 'package', include: testsOfPackage, globalSetup: ['test/build-library.ts'] },
      },
    ],
    // The limits bound a hung test on a slow, busy machine. No test sets a shorter one.
    expect: { poll: { timeout: WAIT_LIMIT_MS, interval: 10 } },
    testTimeout: TEST_LIMIT_MS,
    hookTimeout: TEST_LIMIT_MS,
    pool: 'forks',
    // Many tests wait for a timeout or another process, so four workers fit on two cores.
    maxWorkers: Math.max(4, availableParallelism()),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/client/api-types.ts'],
      reporter: [['text', { skipFull: true, maxCols: 160 }], 'html'],
    },
    // One worker runs many files, which share the modules they import: loading them for each file took as long as most tests do.
    isolate: false,
    // Node runs TypeScript itself; Vite would transform each file once more.
    experimental: { viteModuleRunner: false },
    // Ignore the machine's keys, local models and git settings. Tests that need a model or an ignore file set it up.
    env: { CODEBUDDY_MODEL: 'offline', GIT_CONFIG_GLOBAL: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
  },
});
