import { defineTool } from './tool.ts';
import { withheldBelow } from './withheld.ts';

const maxEntries = 1000;
/** In a larger folder, the entries shown may not be the first ones. */
const maxRead = 100_000;

export const listDirectoryTool = defineTool({
  name: 'list_directory',
  description: 'List the entries of a folder: names and kinds, folders first. At most 1000 entries.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace; default its root.' },
    },
    additionalProperties: false,
  },
  readOnly: true,
  async run({ path = '.' }, { workspace }) {
    const found = await workspace.readDirectory(path, maxRead);
    const isWithheld = await withheldBelow(workspace, 'list_directory', path);
    const entries = found.entries
      .filter(({ name }) => !isWithheld(name))
      .sort(
        (left, right) =>
          Number(right.kind === 'directory') - Number(left.kind === 'directory') ||
          (left.name < right.name ? -1 : 1),
      );
    const withheld = found.entries.length - entries.length;
    return {
      path: workspace.relative(path),
      entries: entries.slice(0, maxEntries),
      truncated: found.truncated || entries.length > maxEntries,
      ...(withheld === 0 ? {} : { withheld }),
    };
  },
});
