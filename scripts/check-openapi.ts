// `npm run openapi`: runs the checks of test/openapi. Their tools are as large as all other devDependencies together.

import { join } from 'node:path';
import { runTestsWithTools } from './run-tests-with-tools.ts';

// No install scripts: none is needed, and some report usage.
await runTestsWithTools(join(import.meta.dirname, '..', 'test', 'openapi'), ['--ignore-scripts']);
