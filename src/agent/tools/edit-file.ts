import { CodeBuddyError } from '../../errors.ts';
import { findText } from './find-text.ts';
import { maxTextBytes, readWholeText } from './read-text.ts';
import { defineTool } from './tool.ts';

export const editFileTool = defineTool({
  name: 'edit_file',
  description:
    'Replaces one piece of text in a file by another. `oldText` must occur exactly once, unless `replaceAll` is true. Files up to 10 MiB, before and after.',
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
  async run({ path, oldText, newText, replaceAll = false }, { workspace, signal, checkWrite, onFileChange }) {
    const before = await readWholeText(workspace, path);
    const shown = workspace.relative(path);
    let occurrences = 0;
    await findText(before, oldText, signal, () => occurrences++);
    if (occurrences === 0) throw new CodeBuddyError('tool_failed', `oldText does not occur in ${shown}.`);
    if (occurrences > 1 && !replaceAll) {
      throw new CodeBuddyError(
        'tool_failed',
        `oldText occurs ${occurrences} times in ${shown}; give more of the text around it, or replaceAll.`,
      );
    }
    // Before the new text is built: a small edit can ask for gigabytes.
    const bytes =
      Buffer.byteLength(before) + occurrences * (Buffer.byteLength(newText) - Buffer.byteLength(oldText));
    if (bytes > maxTextBytes) {
      throw new CodeBuddyError(
        'tool_failed',
        `${shown} would have ${bytes} bytes after ${occurrences} replacements; the limit is ${maxTextBytes}. Nothing was changed.`,
      );
    }
    const after = new TextBuilder();
    let copied = 0;
    await findText(before, oldText, signal, (at) => {
      after.add(before.slice(copied, at));
      after.add(newText);
      copied = at + oldText.length;
    });
    after.add(before.slice(copied));
    const text = after.text();
    await workspace.writeFile(path, text, checkWrite);
    onFileChange('modify', shown, Buffer.byteLength(text));
    return { path: shown, replacements: occurrences, bytes: Buffer.byteLength(text) };
  },
});

/** Joins many small pieces as they come, so that millions of them need little more memory than their text. */
class TextBuilder {
  #joined = '';
  #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.push(piece) < 10_000) return;
    this.#joined += this.#pieces.join('');
    this.#pieces = [];
  }

  text(): string {
    return this.#joined + this.#pieces.join('');
  }
}
