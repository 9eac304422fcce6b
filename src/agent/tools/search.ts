// Search runs in linear time (RE2) and hands the event loop back every few milliseconds, so neither a hostile pattern nor
// a large workspace stops the server.

import { CodeBuddyError } from '../../errors.ts';
import { cutHead } from '../../text.ts';
import { compileGlob, compileLinear } from './glob-pattern.ts';
import { looksBinary, maxTextBytes, readRange } from './read-text.ts';
import { defineTool } from './tool.ts';
import { walkFiles } from './walk-files.ts';
import type { Workspace } from './workspace.ts';

const sliceMs = 10;
/** Of a longer line only this much is searched, and `maxShownLength` shown. */
const maxLineLength = 10_000;
const maxShownLength = 500;

interface Match {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export const searchTool = defineTool({
  name: 'search',
  description:
    'Searches the lines of files by regular expression (RE2 syntax) or literal text. Leaves out binaries and what .gitignore leaves out.',
  inputSchema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 1000 },
      literal: { type: 'boolean', default: false, description: 'Take the pattern as plain text.' },
      caseSensitive: { type: 'boolean', default: true },
      glob: { type: 'string', minLength: 1, maxLength: 1000, description: 'Only files whose path matches.' },
      path: { type: 'string', minLength: 1, description: 'The folder to look in; default the workspace.' },
      maxResults: { type: 'integer', minimum: 1, maximum: 1000, default: 200 },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  async run({ pattern, literal = false, caseSensitive = true, glob, path = '.', maxResults = 200 }, run) {
    const { workspace, signal } = run;
    const found = compileTest(pattern, literal, caseSensitive);
    const wanted = glob === undefined ? undefined : compileGlob(glob);
    const folder = workspace.relative(path);
    const prefix = folder === '.' ? 0 : folder.length + 1;
    const matches: Match[] = [];
    let filesSearched = 0;
    let sliceEnd = performance.now() + sliceMs;

    for await (const file of walkFiles(workspace, path, signal)) {
      if (wanted !== undefined && !wanted(file.slice(prefix))) continue;
      const text = await readSearchable(workspace, file);
      if (text === undefined) continue;
      filesSearched++;
      let line = 0;
      for (let start = 0; start < text.length; ) {
        const newline = text.indexOf('\n', start);
        const end = newline === -1 ? text.length : newline;
        line++;
        const searched = text.slice(start, Math.min(end, start + maxLineLength));
        if (found(searched)) {
          if (matches.length === maxResults) return { matches, filesSearched, truncated: true };
          matches.push({ path: file, line, text: cutHead(searched, maxShownLength).trimEnd() });
        }
        start = end + 1;
        if (performance.now() >= sliceEnd) {
          await new Promise((resolve) => setImmediate(resolve));
          signal.throwIfAborted();
          sliceEnd = performance.now() + sliceMs;
        }
      }
    }
    signal.throwIfAborted();
    return { matches, filesSearched, truncated: false };
  },
});

function compileTest(pattern: string, literal: boolean, caseSensitive: boolean): (line: string) => boolean {
  if (literal) {
    if (caseSensitive) return (line) => line.includes(pattern);
    const lower = pattern.toLowerCase();
    return (line) => line.toLowerCase().includes(lower);
  }
  try {
    return compileLinear(pattern, { ignoreCase: !caseSensitive });
  } catch (cause) {
    const message = `is not a regular expression of RE2 syntax: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CodeBuddyError('validation_failed', `pattern ${message}`, {
      cause,
      errors: [{ in: 'body', pointer: '/pattern', message }],
    });
  }
}

/** Undefined for what is not searched: binaries, files over 10 MiB, and files that went away since the walk saw them. */
async function readSearchable(workspace: Workspace, path: string): Promise<string | undefined> {
  try {
    const handle = await workspace.openFile(path);
    try {
      const { size } = await handle.stat();
      if (size > maxTextBytes) return undefined;
      const bytes = await readRange(handle, 0, size);
      return looksBinary(bytes) ? undefined : bytes.toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CodeBuddyError) return undefined;
    throw error;
  }
}
