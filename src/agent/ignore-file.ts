// A .gitignore file as rules. The file is outside text: it may be a pipe, a device or gigabytes, and its patterns become regular
// expressions.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import ignore, { type Ignore } from 'ignore';

const maxBytes = 1_048_576;
/** Each file of the workspace is held against each of them. */
const maxLines = 5000;
const maxLineLength = 4096;
/** Each `**` multiplies the time for a deep path by its depth: six of them keep the process busy for hours. */
const maxDoubleStars = 2;

/** Undefined if the file is no regular file, or is over 1 MiB. The caller closes the handle. */
export async function readIgnoreRules(handle: FileHandle): Promise<Ignore | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size > maxBytes) return undefined;
  return parseIgnoreRules(await handle.readFile('utf8'));
}

/** Does not wait for the other end of a pipe. */
export function openIgnoreFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

function parseIgnoreRules(text: string): Ignore {
  const lines = text
    .split(/\r?\n/, maxLines)
    .filter((line) => line.length <= maxLineLength && line.split('**').length - 1 <= maxDoubleStars);
  return ignore().add(lines);
}
