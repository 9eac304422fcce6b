import { defineTool } from './tool.ts';

export const writeFileTool = defineTool({
  name: 'write_file',
  description: 'Creates a file or replaces its whole content, in one step. Makes missing folders.',
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
    const change = await workspace.writeFile(path, content, checkWrite);
    const bytes = Buffer.byteLength(content);
    const shown = workspace.relative(path);
    onFileChange(change, shown, bytes);
    return { path: shown, bytes, created: change === 'create' };
  },
});
