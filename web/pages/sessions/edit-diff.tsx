// The change of an edit, line by line. Invisible characters are shown, because a person decides by this view.

import { diffLines } from 'diff';
import { useMemo, useState } from 'preact/hooks';
import type { ToolUse } from '../../../src/contract/message.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { visible } from '../permissions/visible.tsx';

interface Edit {
  readonly path?: unknown;
  readonly oldText?: unknown;
  readonly newText?: unknown;
  readonly content?: unknown;
}

const editTools: ReadonlySet<string> = new Set(['edit_file', 'write_file']);
/** Lines of a diff that are shown at once. */
const shownLines = 400;

export function isEdit(tool: Pick<ToolUse, 'name'> | undefined): tool is ToolUse {
  return tool !== undefined && editTools.has(tool.name);
}

interface Line {
  readonly sign: '+' | '-' | ' ';
  readonly text: string;
}

export function linesOf(params: unknown): readonly Line[] {
  const { oldText, newText, content } = params as Edit;
  const [before, after] = [String(oldText ?? ''), String(newText ?? content ?? '')];
  return diffLines(before, after).flatMap(({ value, added, removed }) =>
    value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ sign: added ? '+' : removed ? '-' : ' ', text }) as const),
  );
}

export function EditDiff({ tool }: { readonly tool: Pick<ToolUse, 'params'> }) {
  const path = String((tool.params as Edit).path ?? 'a file');
  const lines = useMemo(() => linesOf(tool.params), [tool.params]);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? lines : lines.slice(0, shownLines);
  return (
    <figure>
      <figcaption class="quiet mono">{visible(path)}</figcaption>
      <CodeArea label={`Change of ${path}`} isExact>
        {shown.map(({ sign, text }, index) => (
          <span key={index} class={sign === '+' ? 'added' : sign === '-' ? 'removed' : ''}>
            {sign} {visible(text)}
            {'\n'}
          </span>
        ))}
      </CodeArea>
      {shown.length < lines.length && (
        <button type="button" class="bare" onClick={() => setWhole(true)}>
          Show all {lines.length} lines
        </button>
      )}
    </figure>
  );
}
