// `npm run openapi`: runs the checks of test/openapi. Their tools are as large as all other devDependencies together, so they are a package of
// their own, which is installed here.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled } from './install.cjs';

const root = join(import.meta.dirname, '..');
// No install scripts: none is needed, and some report usage.
await ensureInstalled(join(root, 'test', 'openapi'), ['--ignore-scripts']);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const config = join('test', 'openapi', 'vitest.config.ts');
const args = [vitest, 'run', '--config', config, ...process.argv.slice(2)];
const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
