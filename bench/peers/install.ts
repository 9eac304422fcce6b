// The peers' packages: installed into this folder when the benchmark first needs them, from their own lock file, never with the project.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const stamp = join(folder, 'node_modules', '.installed-lock');

/** Installs what is missing. @returns why it could not, in words; undefined when all is there */
export function installPeers(): string | undefined {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return undefined;
  console.error('installing the peers of the webhook benchmark …');
  // npm says itself where its program is when it runs us.
  const npm = process.env.npm_execpath;
  // Not `npm ci`: it refuses a lock file without the optional packages of machines that the registry at hand did not have.
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
  // The first says the code, the second what it was about.
  const why = error?.message ?? lines.slice(0, 2).join(', ').replaceAll('npm error ', '');
  return `its packages could not be installed (npm: ${why || `exit ${status}`})`;
}

/** A package of this folder. The project does not know it, so the caller says what it uses of it. */
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
