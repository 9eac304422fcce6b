// Reads the content that a file has before a tool replaces it, to show the difference.

import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** Undefined if the file does not exist or cannot be read. `path` may be relative to the workspace. */
export function readBefore(workspace: string, path: string): string | undefined {
  try {
    return readFileSync(isAbsolute(path) ? path : join(workspace, path), 'utf8');
  } catch {
    return undefined;
  }
}
