// `npm run test:agents`: installs real agents from the npm registry and runs the tests of test/real-agents with them.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installAgent, selectedAgents } from '../test/real-agents/install-agents.ts';

selectedAgents().forEach(installAgent);
const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--config', 'test/real-agents/vitest.config.ts', ...process.argv.slice(2)];
const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
