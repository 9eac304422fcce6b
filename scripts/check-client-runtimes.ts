// `npm run client-runtimes`: tests the typed client in Deno and Bun.

import { join } from 'node:path';
import { ensureInstalled } from './install.cjs';
import { runTestsWithTools } from './run-tests-with-tools.ts';

// The tests bundle the client.
await ensureInstalled(join(import.meta.dirname, 'bundler'));
await runTestsWithTools(join(import.meta.dirname, '..', 'test', 'client-runtimes'));
