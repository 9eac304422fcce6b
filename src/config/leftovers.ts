// Temporary files that a crash left beside the files of the config folder: they hold the same secrets, and nobody reads them again.

import { lstatSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ownFile, ownFileNames, webhooksFile } from '../base/home-paths.ts';

/** A process of that number may be another one by now; no write takes this long. */
const longestWriteMs = 60 * 60 * 1000;

/** Called by the one process that owns the folder, before it writes there. What cannot be removed stays; the next start tries again. */
export function removeConfigLeftovers(home: string): void {
  removeLeftoversOf([webhooksFile(home), ...ownFileNames.map((name) => ownFile(home, name))]);
}

/** Removes the temporary files beside each of these files. */
export function removeLeftoversOf(paths: readonly string[]): void {
  for (const path of new Set([...paths, ...paths.map(realOf)])) {
    const own = `${basename(path)}.`;
    for (const entry of listOptional(dirname(path))) {
      if (!entry.startsWith(own)) continue;
      const pid = /^(\d{1,10})\.tmp$/.exec(entry.slice(own.length))?.[1];
      if (pid !== undefined) removeIfLeft(join(dirname(path), entry), Number(pid));
    }
  }
}

function removeIfLeft(path: string, pid: number): void {
  try {
    const found = lstatSync(path);
    const isOld = Math.abs(Date.now() - found.mtimeMs) >= longestWriteMs;
    if (found.isFile() && (pid === process.pid || isOld || !isAlive(pid))) rmSync(path, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** webhooks.json may be a link; it is written where that leads. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function listOptional(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
