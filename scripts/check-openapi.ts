// `npm run openapi`: installs the tools of test/openapi (only when they have changed), then lets them judge the document. They are apart
// from the devDependencies of the package because they are as large as all of those together.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'openapi');
const stamp = join(folder, 'node_modules', '.installed-lock-hash');

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const wanted = createHash('sha256')
  .update(readFileSync(join(folder, 'package-lock.json')))
  .digest('hex');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing the OpenAPI tools (only when they have changed)…');
  // No install scripts: they do nothing that is needed here, and some report usage.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /\.c?js$/.test(npm)) run(process.execPath, [npm, ...args], folder);
  else run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, folder);
  writeFileSync(stamp, wanted);
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const config = join('test', 'openapi', 'vitest.config.ts');
run(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], root);
