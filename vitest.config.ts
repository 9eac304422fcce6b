import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from './test/wait-for.ts';

// The workers, and the 700 programs that tests start, run the sources as they are. Compiled once, they start in a third of the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/node-compile-cache', import.meta.url),
);

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
    // One worker runs many files, which share the modules they import: loading them for each file took as long as most tests do.
    isolate: false,
    // Node runs TypeScript itself; Vite would transform each file once more.
    experimental: { viteModuleRunner: false },
    // Ignore the machine's keys, local models and git settings. Tests that need a model or an ignore file set it up.
    env: { CODEBUDDY_MODEL: 'offline', GIT_CONFIG_GLOBAL: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
  },
});
