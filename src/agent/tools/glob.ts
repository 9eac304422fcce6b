import { defineTool } from './tool.ts';
import { WalkBounds } from './walk-bounds.ts';
import { walkFiles, walkFilter } from './walk-files.ts';
import { withheldFromWalk } from './withheld.ts';

export const globTool = defineTool({
  name: 'glob',
  description:
    'Find files by name: `*.ts` at any depth, `src/**/*.ts`, `{a,b}`, `[a-z]`; brackets and braces also match themselves. Skips files that .gitignore ignores. Sorted by path. `truncatedBy` says why files are missing: `results`, `size`, `depth`, `entries` or `time`.',
  inputSchema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 1000 },
      path: { type: 'string', minLength: 1, description: 'The folder to search; default the workspace.' },
      maxResults: { type: 'integer', minimum: 1, maximum: 10_000, default: 1000 },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  async run({ pattern, path = '.', maxResults = 1000 }, { workspace, signal }) {
    const matches = walkFilter(workspace, path, pattern);
    const isWithheld = await withheldFromWalk(workspace, 'glob', path);
    const files: string[] = [];
    const bounds = new WalkBounds();
    let withheld = 0;
    for await (const file of walkFiles(workspace, path, signal, bounds)) {
      if (!matches(file)) continue;
      if (isWithheld(file)) {
        withheld++;
        continue;
      }
      if (files.length === maxResults) {
        bounds.leaveOut('results');
        break;
      }
      if (!bounds.takeLength(file.length)) break;
      files.push(file);
    }
    signal.throwIfAborted();
    return { files, ...bounds.told, ...(withheld === 0 ? {} : { withheld }) };
  },
});
