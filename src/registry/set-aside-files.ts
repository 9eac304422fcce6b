// Lists the copies of a registry file that could not be used, until they are repaired or removed.

import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Names of the files beside it, oldest first; none if the folder cannot be read. */
export function setAsideFiles(path: string | undefined): readonly string[] {
  if (path === undefined) return [];
  try {
    return readdirSync(dirname(path))
      .filter((name) => name.startsWith(`${basename(path)}.corrupt-`))
      .sort();
  } catch {
    // Reading the file itself reports the reason.
    return [];
  }
}
