// Reads ignore files. They come from outside: a file may be a pipe, a device or gigabytes long, and its patterns become
// regular expressions.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import ignore, { type Ignore } from 'ignore';

const maxBytes = 1_048_576;
/** Every file of the workspace is compared with every line. */
const maxLines = 5000;
const maxLineLength = 4096;
/** Each `**` multiplies the time for a path by its depth: six of them keep the process busy for hours. */
const maxDoubleStars = 2;

const textOf = new WeakMap<Ignore, string>();

/**
 * Undefined if the file is missing, cannot be read, or is not a regular file of at most 1 MiB. `earlier` is returned if
 * the text is still the same.
 */
export async function readIgnoreFile(path: string, earlier?: Ignore): Promise<Ignore | undefined> {
  const text = await readSmallText(path);
  if (text === undefined) return undefined;
  if (earlier !== undefined && textOf.get(earlier) === text) return earlier;
  const rules = parseIgnoreRules(text);
  textOf.set(rules, text);
  return rules;
}

/** The same for an open file. The caller closes the handle. */
export async function readIgnoreRules(handle: FileHandle): Promise<Ignore | undefined> {
  const text = await readHandle(handle);
  return text === undefined ? undefined : parseIgnoreRules(text);
}

/** The text of a file such as `.git` or `commondir`, with the same conditions. */
export async function readSmallText(path: string): Promise<string | undefined> {
  try {
    // O_NONBLOCK: do not wait for the other end of a pipe.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return await readHandle(handle);
    } finally {
      await handle.close();
    }
  } catch {
    // Most folders have no such file; one that cannot be read counts as missing.
    return undefined;
  }
}

async function readHandle(handle: FileHandle): Promise<string | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size > maxBytes) return undefined;
  return (await handle.readFile('utf8')).replace(/^\uFEFF/, '');
}

function parseIgnoreRules(text: string): Ignore {
  const lines = text
    .split(/\r?\n/, maxLines)
    .filter((line) => line.length <= maxLineLength && line.split('**').length - 1 <= maxDoubleStars);
  return ignore().add(lines);
}
