// The config folder: `~/.codebuddy` or `CODEBUDDY_HOME`, for its owner only.

import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileFault } from '../file-errors.ts';

/** Windows has access lists instead; what a user's own folder holds, others cannot read there. Node makes modes up. */
export const hasModes = process.platform !== 'win32';

export function defaultHome(): string {
  return join(homedir(), '.codebuddy');
}

/** Makes the folder if it is not there; takes away what others may do in it. @throws Error naming the folder */
export function ensureHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    if (hasModes && (statSync(home).mode & 0o077) !== 0) chmodSync(home, 0o700);
  } catch (cause) {
    const isFile = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isFile ? 'it is a file, not a folder' : fileFault(cause);
    throw new Error(`the config folder ${home} cannot be used: ${why}`, { cause });
  }
}
