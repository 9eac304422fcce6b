// `npm run package`: packs the package as `npm publish` would, and checks the tarball: publint its package.json and files, attw its types in each
// module system. Both tools need their own TypeScript, so they are a package of their own, which is installed here.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from './install.cjs';
import { npmCommand } from './platform.cjs';

const root = join(import.meta.dirname, '..');
const tools = join(root, 'test', 'package');
const packed = mkdtempSync(join(tmpdir(), 'codebuddy-package-'));

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) throw error;
  if (status !== 0) process.exitCode = status ?? 1;
}

try {
  await ensureInstalled(tools, ['--ignore-scripts']);
  const { npm_execpath: npmExecPath } = process.env;
  const { command, args } = npmCommand(process.platform, {
    execPath: process.execPath,
    ...(npmExecPath === undefined ? {} : { npmExecPath }),
    exists: existsSync,
  });
  // `dist` is up to date already.
  run(command, [...args, 'pack', '--ignore-scripts', '--silent', '--pack-destination', packed]);
  const tarball = join(packed, readdirSync(packed)[0] as string);
  const program = (path: string): string => join(tools, 'node_modules', path);
  run(process.execPath, [program('publint/src/cli.js'), 'run', tarball, '--strict']);
  // The package is ESM only, and needs a Node that can `require` ES modules.
  run(process.execPath, [program('@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only']);
} finally {
  rmSync(packed, { recursive: true, force: true });
}
