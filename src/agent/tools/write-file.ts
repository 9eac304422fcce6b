import { CodeBuddyError } from '../../base/errors.ts';
import { maxTextBytes } from './read-text.ts';
import { defineTool } from './tool.ts';
import { requireWellFormed } from './well-formed.ts';

export const writeFileTool = defineTool({
  name: 'write_file',
  description:
    'Create a file or replace its whole content, in one step. Creates missing folders. At most 10 MiB. Writes exactly `content`, in UTF-8: line endings and a byte order mark of the old content are not kept. Refused if the file changed since this session last read it.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace.' },
      content: { type: 'string' },
    },
    required: ['path', 'content'],
    additionalProperties: false,
  },
  readOnly: false,
  async run({ path, content }, run) {
    const { workspace, signal, seen, beforeFileChange, onFileChange } = run;
    requireWellFormed({ content });
    const bytes = Buffer.byteLength(content);
    const shown = workspace.relative(path);
    if (bytes > maxTextBytes) {
      throw new CodeBuddyError(
        'tool_failed',
        `The content for ${shown} has ${bytes} bytes; the limit is ${maxTextBytes}. Nothing was written.`,
      );
    }
    const { change, realPath, version } = await workspace.writeFile(path, content, {
      signal,
      check: run.checkWrite,
      mayShare: run.mayShare,
      versionOf: seen.versionOf,
      beforeWrite: beforeFileChange,
      record: run.record,
    });
    seen.saw(realPath, version);
    onFileChange(change, realPath, bytes, version);
    return { path: shown, bytes, created: change === 'create' };
  },
});
