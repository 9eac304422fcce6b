import { defineTool } from './tool.ts';

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
    const folder = (await workspace.realFile(path)).path ?? workspace.relative(path);
    const isDenied = (name: string): boolean =>
      workspace.guard?.denies('list_directory', folder === '.' ? name : `${folder}/${name}`) ?? false;
    const entries = all
      .filter(({ name }) => !isDenied(name))
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
