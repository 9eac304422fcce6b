// The files of the server itself: those that tools must not see, those that commands must not write, and those that an earlier release kept
// elsewhere.

import { getCompileCacheDir } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiFolder, databaseIn, oldFile, ownFile, ownFileNames, webhooksFile } from '../base/home-paths.ts';
import { moveOwnFiles } from '../config/move-own-files.ts';
import type { Settings } from '../config/settings.ts';
import { moveDatabase } from '../store/sqlite/move-database.ts';

/** State that programs of the server keep between starts. */
export function stateFolder({ home }: Settings): string {
  return join(apiFolder(home), 'state');
}

/**
 * Files with keys and secrets, which no tool may see, and files that the server writes while it works, which must not be watched. A `*` at the
 * end covers copies beside a file.
 */
export function ownFiles({ home, databasePath }: Settings): readonly string[] {
  const api = apiFolder(home);
  // Named one by one, because the workspace may be the config folder. What the first version keeps under the old names is as secret.
  const files = [
    webhooksFile(home),
    oldFile(home, 'codebuddy.db'),
    databaseIn(home),
    databasePath,
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
 * Files that the next start trusts: a command that could write them would run as the server. SQLite plays a journal back at the next opening,
 * and creates none in WAL mode. `npx` runs the server's own package if it finds it in the workspace.
 */
export function trustedFiles({ home, databasePath }: Settings): readonly string[] {
  const cache = getCompileCacheDir();
  const ownPackage = fileURLToPath(new URL('../..', import.meta.url));
  return [
    home,
    ...['config.json', 'api-key', 'compile-cache'].map((name) => join(home, name)),
    ...(cache === undefined ? [] : [cache]),
    `${databasePath}-journal`,
    ...(ownPackage.split(sep).includes('node_modules') ? [ownPackage] : []),
  ];
}

/** Moves the files that an earlier release kept beside the first version's. Returns a line for the log for each file. */
export function moveOldFiles({ home, databasePath }: Settings): readonly string[] {
  const lines = moveOwnFiles(home);
  if (databasePath !== databaseIn(home)) return lines;
  const line = moveDatabase(oldFile(home, 'codebuddy.db'), databasePath);
  return line === undefined ? lines : [...lines, line];
}
