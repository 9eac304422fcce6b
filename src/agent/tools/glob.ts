import { defineTool } from './tool.ts';
import { walkFiles, walkFilter } from './walk-files.ts';

export const globTool = defineTool({
  name: 'glob',
  description:
    'Finds files by name: `*.ts` at any depth, `src/**/*.ts`, `{a,b}`, `[a-z]`; brackets and braces also stand for themselves. Leaves out what .gitignore leaves out. Sorted by path.',
  inputSchema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 1000 },
      path: { type: 'string', minLength: 1, description: 'The folder to look in; default the workspace.' },
      maxResults: { type: 'integer', minimum: 1, maximum: 10_000, default: 1000 },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  async run({ pattern, path = '.', maxResults = 1000 }, { workspace, signal }) {
    const matches = walkFilter(workspace, path, pattern);
    const files: string[] = [];
    for await (const file of walkFiles(workspace, path, signal)) {
      if (!matches(file)) continue;
      if (files.length === maxResults) return { files, truncated: true };
      files.push(file);
    }
    signal.throwIfAborted();
    return { files, truncated: false };
  },
});
