// Removes temporary files that a crash left in the config folder: they contain secrets and are never read again.

import { lstatSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ownFile, ownFileNames, triggersFile, webhooksFile } from '../base/home-paths.ts';
import { isProcessAlive } from '../base/is-process-alive.ts';

/** After this time, a temporary file is stale even if its pid is alive: another process may have the pid by now. */
const longestWriteMs = 60 * 60 * 1000;

/**
 * Called by the process that owns the folder, before its first write. Files that cannot be removed stay until the next
 * start.
 */
export function removeConfigLeftovers(home: string): void {
  removeLeftoversOf([
    webhooksFile(home),
    triggersFile(home),
    ...ownFileNames.map((name) => ownFile(home, name)),
  ]);
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
    if (found.isFile() && (pid === process.pid || isOld || !isProcessAlive(pid)))
      rmSync(path, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** webhooks.json and triggers.json may be symbolic links; their temporary files are beside the targets. */
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
