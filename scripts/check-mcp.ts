// `npm run mcp-conformance`: runs the conformance suite of MCP against the server.

import { join } from 'node:path';
import { runTestsWithTools } from './run-tests-with-tools.ts';

await runTestsWithTools(join(import.meta.dirname, '..', 'test', 'mcp-conformance'), ['--ignore-scripts']);
