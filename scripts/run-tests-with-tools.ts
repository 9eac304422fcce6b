// Runs the tests of a folder whose tools are a package of their own, because they are large. Installs it first.

import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { ensureInstalled } from './install.cjs';

const root = join(import.meta.dirname, '..');

/** @param installOptions further options of `npm ci` */
export async function runTestsWithTools(folder: string, installOptions: string[] = []): Promise<void> {
  await ensureInstalled(folder, installOptions);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = join(relative(root, folder), 'vitest.config.ts');
  const args = [vitest, 'run', '--config', config, ...process.argv.slice(2)];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
}
