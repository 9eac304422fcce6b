// `npm run client-runtimes`: tests the typed client in Deno and Bun. Both are large, so they are a package of their own,
// which is installed here.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled } from './install.cjs';

const root = join(import.meta.dirname, '..');
await ensureInstalled(join(root, 'scripts', 'bundler'));
await ensureInstalled(join(root, 'test', 'client-runtimes'));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const config = join('test', 'client-runtimes', 'vitest.config.ts');
const args = [vitest, 'run', '--config', config, ...process.argv.slice(2)];
const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
