import { CodeBuddyError } from '../../errors.ts';
import { readWholeText } from './read-text.ts';
import { defineTool } from './tool.ts';

export const editFileTool = defineTool({
  name: 'edit_file',
  description:
    'Replaces one piece of text in a file by another. `oldText` must occur exactly once, unless `replaceAll` is true.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace.' },
      oldText: { type: 'string', minLength: 1 },
      newText: { type: 'string' },
      replaceAll: { type: 'boolean', default: false },
    },
    required: ['path', 'oldText', 'newText'],
    additionalProperties: false,
  },
  readOnly: false,
  async run({ path, oldText, newText, replaceAll = false }, { workspace, checkWrite, onFileChange }) {
    const before = await readWholeText(workspace, path);
    const pieces = before.split(oldText);
    const occurrences = pieces.length - 1;
    const shown = workspace.relative(path);
    if (occurrences === 0) throw new CodeBuddyError('tool_failed', `oldText does not occur in ${shown}.`);
    if (occurrences > 1 && !replaceAll) {
      throw new CodeBuddyError(
        'tool_failed',
        `oldText occurs ${occurrences} times in ${shown}; give more of the text around it, or replaceAll.`,
      );
    }
    const after = pieces.join(newText);
    await workspace.writeFile(path, after, checkWrite);
    onFileChange('modify', shown, Buffer.byteLength(after));
    return { path: shown, replacements: occurrences, bytes: Buffer.byteLength(after) };
  },
});
