// The files of the server itself: those that tools must not see, those that commands must not write, and those that an
// earlier release kept elsewhere.

import { getCompileCacheDir } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  apiFolder,
  databaseIn,
  oldFile,
  ownFile,
  ownFileNames,
  triggersFile,
  webhooksFile,
} from '../base/home-paths.ts';
import { moveOwnFiles } from '../config/move-own-files.ts';
import type { DatabaseSetting, Settings } from '../config/settings.ts';
import { moveDatabase } from '../store/sqlite/move-database.ts';

/** The lock of a node's config folder, if its database is elsewhere. */
export function nodeLock(home: string): string {
  return join(apiFolder(home), 'node');
}

function databaseFile(database: DatabaseSetting): readonly string[] {
  return database.kind === 'sqlite' ? [database.path] : [];
}

/** State that programs of the server keep between starts. */
export function stateFolder({ home }: Settings): string {
  return join(apiFolder(home), 'state');
}

/**
 * Files with keys and secrets, which no tool may see, and files that the server writes while it works, which must not
 * be watched. A `*` at the end covers copies beside a file.
 */
export function ownFiles({ home, database }: Settings): readonly string[] {
  const api = apiFolder(home);
  // Named one by one, because the workspace may be the config folder. What the first version keeps under the old names
  // is as secret.
  const files = [
    webhooksFile(home),
    triggersFile(home),
    oldFile(home, 'codebuddy.db'),
    databaseIn(home),
    ...databaseFile(database),
    nodeLock(home),
    ...ownFileNames.flatMap((name) => [ownFile(home, name), oldFile(home, name)]),
  ];
  // Node runs the compiled code that it finds in its cache.
  const cache = getCompileCacheDir();
  const folders = [home, api].flatMap((folder) => [
    folder,
    join(folder, 'compile-cache'),
    join(folder, 'state'),
  ]);
  return [...folders, ...(cache === undefined ? [] : [cache]), ...files, ...files.map((file) => `${file}*`)];
}

/**
 * Files that the next start trusts: a command that could write them would run as the server. SQLite plays a journal
 * back at the next opening, and creates none in WAL mode. `npx` runs the server's own package if it finds it in the
 * workspace.
 */
export function trustedFiles({ home, database }: Settings): readonly string[] {
  const cache = getCompileCacheDir();
  const ownPackage = fileURLToPath(new URL('../..', import.meta.url));
  return [
    home,
    ...['config.json', 'api-key', 'compile-cache'].map((name) => join(home, name)),
    ...(cache === undefined ? [] : [cache]),
    ...databaseFile(database).map((file) => `${file}-journal`),
    ...(ownPackage.split(sep).includes('node_modules') ? [ownPackage] : []),
  ];
}

/**
 * Moves the files that an earlier release kept beside the first version's. Returns a line for the log for each file.
 */
export function moveOldFiles({ home, database }: Settings): readonly string[] {
  const lines = moveOwnFiles(home);
  if (database.kind !== 'sqlite' || database.path !== databaseIn(home)) return lines;
  const line = moveDatabase(oldFile(home, 'codebuddy.db'), database.path);
  return line === undefined ? lines : [...lines, line];
}
