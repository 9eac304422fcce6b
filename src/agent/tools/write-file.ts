import { CodeBuddyError } from '../../errors.ts';
import { maxTextBytes } from './read-text.ts';
import { defineTool } from './tool.ts';

export const writeFileTool = defineTool({
  name: 'write_file',
  description:
    'Creates a file or replaces its whole content, in one step. Makes missing folders. At most 10 MiB.',
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
  async run({ path, content }, { workspace, checkWrite, onFileChange }) {
    const bytes = Buffer.byteLength(content);
    const shown = workspace.relative(path);
    if (bytes > maxTextBytes) {
      throw new CodeBuddyError(
        'tool_failed',
        `The content for ${shown} has ${bytes} bytes; the limit is ${maxTextBytes}. Nothing was written.`,
      );
    }
    const change = await workspace.writeFile(path, content, checkWrite);
    onFileChange(change, shown, bytes);
    return { path: shown, bytes, created: change === 'create' };
  },
});
