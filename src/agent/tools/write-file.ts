import { defineTool } from './tool.ts';
import { requireWellFormed } from './well-formed.ts';

export const writeFileTool = defineTool({
  name: 'write_file',
  description:
    'Creates a file or replaces its whole content, in one step. Makes missing folders. Writes exactly `content`, in UTF-8: line ends and a byte order mark of the old content are not kept. Refused if the file changed since this session last read it.',
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
  async run({ path, content }, { workspace, signal, seen, beforeFileChange, onFileChange }) {
    requireWellFormed({ content });
    const { change, realPath, version } = await workspace.writeFile(path, content, {
      signal,
      versionOf: seen.versionOf,
      beforeWrite: beforeFileChange,
    });
    seen.saw(realPath, version);
    const bytes = Buffer.byteLength(content);
    onFileChange(change, realPath, bytes, version);
    return { path: workspace.relative(path), bytes, created: change === 'create' };
  },
});
