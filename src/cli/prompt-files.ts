// `--file` of `codebuddy prompt`: text files that are appended to the prompt.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fileFault } from '../base/file-errors.ts';
import { UsageError } from './usage-error.ts';

/** Appends the files to the prompt. `maxLength` limits the result, in characters. @throws UsageError for a file */
export function withFiles(prompt: string, paths: readonly string[], maxLength: number): string {
  let left = maxLength - [...prompt].length;
  const parts = paths.map((path) => {
    const part = describeFile(path, readText(path, maxLength));
    left -= [...part].length + 2;
    if (left < 0)
      throw new UsageError(
        `The prompt would be too long with --file ${path}: at most ${maxLength} characters, files included. The agent can read files of its workspace itself: name the path in the prompt.`,
      );
    return part;
  });
  return [prompt, ...parts].join('\n\n');
}

function describeFile(path: string, text: string): string {
  // Longer than any fence in the text.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `File ${path}:\n${fence}\n${text}${text.endsWith('\n') || text === '' ? '' : '\n'}${fence}`;
}

/** Reads no more than needed to see that a file is too large: it may be endless. */
function readText(path: string, maxLength: number): string {
  // A character has 4 bytes at most.
  const bytes = readUpTo(path, maxLength * 4);
  if (bytes === undefined)
    throw new UsageError(`--file ${path} is too large: a prompt has ${maxLength} characters at most.`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new UsageError(`--file ${path} is not a text file in UTF-8.`);
}

/** Undefined if there are more bytes. */
function readUpTo(path: string, maxBytes: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (fstatSync(file).isDirectory()) throw new UsageError(`--file ${path} is a folder, not a file.`);
    const chunks: Buffer[] = [];
    for (let total = 0; total <= maxBytes; ) {
      const chunk = Buffer.alloc(64 * 1024);
      const length = readSync(file, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
      total += length;
    }
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--file ${path} cannot be read: ${fileFault(error)}.`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
