// Installs the peers' packages into this folder when the benchmark first needs them, from their own lock file.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const stamp = join(folder, 'node_modules', '.installed-lock');

/** Installs missing packages. @returns the reason if that fails, else undefined */
export function installPeers(): string | undefined {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return undefined;
  console.error('installing the peers of the webhook benchmark …');
  // npm sets this variable when it runs a script.
  const npm = process.env.npm_execpath;
  // Not `npm ci`: it rejects a lock file without the optional packages of other platforms.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { cwd: folder, encoding: 'utf8', timeout: 180_000 } as const;
  const { status, error, stderr } =
    npm !== undefined && /\.c?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
          ...options,
          shell: process.platform === 'win32',
        });
  if (error === undefined && status === 0) {
    writeFileSync(stamp, lock);
    return undefined;
  }
  const lines = (stderr ?? '').split('\n').filter((line) => line.startsWith('npm error'));
  // The first line has the code, the second the reason.
  const why = error?.message ?? lines.slice(0, 2).join(', ').replaceAll('npm error ', '');
  return `its packages could not be installed (npm: ${why || `exit ${status}`})`;
}

/** Loads a package of this folder. It is not a dependency of the project, so the caller declares its type. */
export async function loadPeer<T>(name: string): Promise<T> {
  const path = createRequire(import.meta.url).resolve(name);
  const loaded: T = await import(pathToFileURL(path).href);
  return loaded;
}

/** `12.38.0`, as package.json pins it. */
export function peerVersion(name: string): string {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  return dependencies[name] ?? 'unknown';
}

if (import.meta.main) {
  const fault = installPeers();
  console.log(fault ?? `installed in ${folder}`);
  process.exitCode = fault === undefined ? 0 : 1;
}
