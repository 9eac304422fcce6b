import { defineTool } from './tool.ts';
import { withheldBelow } from './withheld.ts';

const maxEntries = 1000;

export const listDirectoryTool = defineTool({
  name: 'list_directory',
  description: 'Lists what is in one folder: names and kinds, folders first. At most 1000 entries.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace; default its root.' },
    },
    additionalProperties: false,
  },
  readOnly: true,
  async run({ path = '.' }, { workspace }) {
    const all = await workspace.readDirectory(path);
    const isWithheld = await withheldBelow(workspace, 'list_directory', path);
    const entries = all
      .filter(({ name }) => !isWithheld(name))
      .sort(
        (left, right) =>
          Number(right.kind === 'directory') - Number(left.kind === 'directory') ||
          (left.name < right.name ? -1 : 1),
      );
    return {
      path: workspace.relative(path),
      entries: entries.slice(0, maxEntries),
      truncated: entries.length > maxEntries,
      ...(all.length === entries.length ? {} : { withheld: all.length - entries.length }),
    };
  },
});
