import { compileGlob } from './glob-pattern.ts';
import { defineTool } from './tool.ts';
import { walkFiles } from './walk-files.ts';
import { withheldBelow } from './withheld.ts';

export const globTool = defineTool({
  name: 'glob',
  description:
    'Finds files by name: `*.ts` at any depth, `src/**/*.ts`, `{a,b}`, `[a-z]`. Leaves out what .gitignore leaves out. Sorted by path.',
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
    const matches = compileGlob(pattern);
    const folder = workspace.relative(path);
    const prefix = folder === '.' ? 0 : folder.length + 1;
    const isWithheld = await withheldBelow(workspace, 'glob', path);
    const files: string[] = [];
    let withheld = 0;
    const answer = (truncated: boolean): object => ({
      files,
      truncated,
      ...(withheld === 0 ? {} : { withheld }),
    });
    for await (const file of walkFiles(workspace, path, signal)) {
      if (!matches(file.slice(prefix))) continue;
      if (isWithheld(file.slice(prefix))) {
        withheld++;
        continue;
      }
      if (files.length === maxResults) return answer(true);
      files.push(file);
    }
    signal.throwIfAborted();
    return answer(false);
  },
});
