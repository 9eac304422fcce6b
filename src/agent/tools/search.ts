// Searches in linear time (RE2) and yields to the event loop every few milliseconds: neither a hostile pattern nor a
// large workspace can block the server.

import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import { cutHead } from '../../base/text.ts';
import { compileLinear } from './linear-pattern.ts';
import { maxTextBytes, readRange } from './read-text.ts';
import { decodeText, detectEncoding } from './text-encoding.ts';
import { defineTool } from './tool.ts';
import { WalkBounds } from './walk-bounds.ts';
import { walkFiles, walkFilter } from './walk-files.ts';
import { withheldFromWalk } from './withheld.ts';
import type { Workspace } from './workspace.ts';

/**
 * Of a longer line only the beginning of this length is searched, and `maxShownLength` of it is shown. In characters.
 */
const maxLineLength = 10_000;
/** The most steps for one line: its length times the size of the pattern's program, RE2's worst case. */
const maxSteps = 2_000_000;
const maxShownLength = 500;

interface Match {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export const searchTool = defineTool({
  name: 'search',
  description:
    'Search the lines of files by regular expression (RE2 syntax) or literal text. Skips binaries, files over 10 MiB (`filesSkipped`) and files that .gitignore ignores; of long lines only the beginning is searched (`linesCut`). `truncatedBy` says why matches are missing: `results`, `size`, `depth`, `entries` or `time`.',
  inputSchema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 1000 },
      literal: { type: 'boolean', default: false, description: 'Treat the pattern as plain text.' },
      caseSensitive: { type: 'boolean', default: true },
      glob: { type: 'string', minLength: 1, maxLength: 1000, description: 'Only files whose path matches.' },
      path: {
        type: 'string',
        minLength: 1,
        description: 'The folder or file to search; default the workspace.',
      },
      maxResults: { type: 'integer', minimum: 1, maximum: 1000, default: 200 },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  async run({ pattern, literal = false, caseSensitive = true, glob, path = '.', maxResults = 200 }, run) {
    const { workspace, signal } = run;
    const found = compileTest(pattern, literal, caseSensitive);
    const wanted = glob === undefined ? undefined : walkFilter(workspace, path, glob);
    const isWithheld = await withheldFromWalk(workspace, 'search', path);
    const matches: Match[] = [];
    const bounds = new WalkBounds();
    let filesSearched = 0;
    let filesSkipped = 0;
    let linesCut = 0;
    let withheld = 0;
    const result = () => ({
      matches,
      filesSearched,
      filesSkipped,
      linesCut,
      ...bounds.told,
      ...(withheld === 0 ? {} : { withheld }),
    });

    for await (const file of walkFiles(workspace, path, signal, bounds)) {
      if (wanted !== undefined && !wanted(file)) continue;
      const text = isWithheld(file) ? denied : await readSearchable(workspace, file);
      if (text === denied) {
        withheld++;
        continue;
      }
      if (text === undefined) {
        filesSkipped++;
        continue;
      }
      filesSearched++;
      let line = 0;
      for (let start = 0; start < text.length; ) {
        const newline = text.indexOf('\n', start);
        const end = newline === -1 ? text.length : newline;
        line++;
        const searched = text.slice(start, Math.min(end, start + found.maxLength));
        if (searched.length < end - start) linesCut++;
        if (found.isIn(searched)) {
          if (matches.length === maxResults) {
            bounds.leaveOut('results');
            return result();
          }
          const shown = cutHead(searched, maxShownLength).trimEnd();
          if (!bounds.takeLength(file.length + shown.length)) return result();
          matches.push({ path: file, line, text: shown });
        }
        start = end + 1;
        if (bounds.isDue && !(await bounds.goOn(signal))) return result();
      }
    }
    signal.throwIfAborted();
    return result();
  },
});

interface LineTest {
  /** Of a longer line only the beginning of this length is searched, so that one line takes milliseconds. */
  readonly maxLength: number;
  readonly isIn: (line: string) => boolean;
}

function compileTest(pattern: string, literal: boolean, caseSensitive: boolean): LineTest {
  if (literal) {
    if (caseSensitive) return { maxLength: maxLineLength, isIn: (line) => line.includes(pattern) };
    const lower = pattern.toLowerCase();
    return { maxLength: maxLineLength, isIn: (line) => line.toLowerCase().includes(lower) };
  }
  try {
    const { matches, size } = compileLinear(pattern, { ignoreCase: !caseSensitive });
    return { maxLength: Math.min(maxLineLength, Math.ceil(maxSteps / size)), isIn: matches };
  } catch (cause) {
    if (exhaustionOf(cause) !== undefined) throw cause;
    const message = `is not a regular expression of RE2 syntax: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CodeBuddyError('validation_failed', `pattern ${message}`, {
      cause,
      errors: [{ in: 'body', pointer: '/pattern', message }],
    });
  }
}

/** Returned for a file that a deny rule withholds. */
const denied = Symbol('denied');

/**
 * Undefined for files that are not searched: binaries, files over 10 MiB, and files that are gone since the walk saw
 * them.
 */
async function readSearchable(
  workspace: Workspace,
  path: string,
): Promise<string | typeof denied | undefined> {
  try {
    const handle = await workspace.openFile(path);
    try {
      const { size } = await handle.stat();
      if (size > maxTextBytes) return undefined;
      const bytes = await readRange(handle, 0, size);
      const { encoding } = detectEncoding(bytes);
      return encoding === 'binary' ? undefined : decodeText(bytes, encoding).replace(/^\uFEFF/, '');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CodeBuddyError && error.code === 'permission_denied') return denied;
    if (error instanceof CodeBuddyError && exhaustionOf(error) === undefined) return undefined;
    throw error;
  }
}
