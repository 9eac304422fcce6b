import { CodeBuddyError } from '../../base/errors.ts';
import { maxTextBytes, readWholeFile } from './read-text.ts';
import { replaceText } from './replace-text.ts';
import { detectEncoding } from './text-encoding.ts';
import { defineTool } from './tool.ts';
import { requireWellFormed } from './well-formed.ts';

export const editFileTool = defineTool({
  name: 'edit_file',
  description:
    'Replace a piece of text in a file. `oldText` must occur exactly once, unless `replaceAll` is true. A line break matches `\\n` and `\\r\\n`; the file keeps its line endings, its encoding and all other bytes. Files up to 10 MiB, before and after.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace.' },
      oldText: { type: 'string', minLength: 1 },
      newText: { type: 'string' },
      replaceAll: { type: 'boolean', default: false },
    },
    required: ['path', 'oldText', 'newText'],
    additionalProperties: false,
  },
  readOnly: false,
  async run({ path, oldText, newText, replaceAll = false }, run) {
    const { workspace, signal, seen, beforeFileChange, onFileChange } = run;
    requireWellFormed({ oldText, newText });
    const shown = workspace.relative(path);
    let bytes = 0;
    let replacements = 0;
    const { realPath, version, versionBefore } = await workspace.changeFile(
      path,
      async (handle) => {
        const before = await readWholeFile(handle, shown);
        const { encoding } = detectEncoding(before);
        if (encoding === 'binary')
          throw new CodeBuddyError('tool_failed', `${shown} is a binary file of ${before.length} bytes.`);
        const replaced = await replaceText(before, encoding, {
          oldText,
          newText,
          replaceAll,
          maxBytes: maxTextBytes,
          signal,
        });
        switch (replaced.kind) {
          case 'absent':
            throw new CodeBuddyError(
              'tool_failed',
              `oldText does not occur in ${shown}${encoding === 'utf-8' ? '' : `, whose encoding is ${encoding}`}.`,
            );
          case 'ambiguous':
            throw new CodeBuddyError(
              'tool_failed',
              `oldText occurs ${replaced.occurrences} times in ${shown}; include more of the surrounding text, or set replaceAll.`,
            );
          case 'too_large':
            throw new CodeBuddyError(
              'tool_failed',
              `${shown} would have ${replaced.bytes} bytes after ${replaced.occurrences} replacements; the limit is ${maxTextBytes}. Nothing was changed.`,
            );
          case 'unencodable':
            throw new CodeBuddyError(
              'tool_failed',
              `newText has characters that the encoding of ${shown} (${encoding}) lacks. Nothing was changed.`,
            );
        }
        bytes = replaced.bytes.length;
        replacements = replaced.occurrences;
        return { before, after: replaced.bytes };
      },
      {
        signal,
        check: run.checkWrite,
        mayShare: run.mayShare,
        beforeWrite: beforeFileChange,
        record: run.record,
      },
    );
    seen.edited(realPath, versionBefore, version);
    onFileChange('modify', realPath, bytes, version);
    return { path: shown, replacements, bytes };
  },
});
