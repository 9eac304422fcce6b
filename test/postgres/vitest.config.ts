// `npm run test:postgres`: the suites of HTTP, webhooks, triggers, the agent and the command line on PostgreSQL.

import { configDefaults, defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { sqliteOnlyFiles } from './sqlite-only.ts';

const { projects: _projects, coverage: _coverage, env, ...rest } = base.test ?? {};

export default defineConfig({
  test: {
    ...rest,
    name: 'postgres',
    root: new URL('../..', import.meta.url).pathname,
    include: ['http', 'webhooks', 'agent', 'cli', 'triggers', 'tracing'].map(
      (folder) => `test/${folder}/**/*.test.ts`,
    ),
    exclude: [...configDefaults.exclude, ...Object.keys(sqliteOnlyFiles).map((file) => `test/${file}`)],
    globalSetup: ['test/build-program.ts'],
    setupFiles: ['test/postgres/skip-sqlite-only.ts'],
    env: { ...env, TEST_STORE: 'postgres' },
  },
});
