// `npm run test:agents`: the server with real agents, which scripts/test-agents.ts installs.

import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const { projects: _projects, coverage: _coverage, ...rest } = base.test ?? {};

export default defineConfig({
  test: {
    ...rest,
    name: 'agents',
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/real-agents/*.test.ts'],
    globalSetup: ['test/build-program.ts'],
    // Each agent takes up to 500 MB and most of a processor while it starts.
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
