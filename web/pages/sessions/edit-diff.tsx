// The change of an edit, line by line.

import { diffLines } from 'diff';
import { useMemo } from 'preact/hooks';
import type { ToolUse } from '../../../src/contract/message.ts';

interface Edit {
  readonly path?: unknown;
  readonly oldText?: unknown;
  readonly newText?: unknown;
  readonly content?: unknown;
}

const editTools: ReadonlySet<string> = new Set(['edit_file', 'write_file']);

export function isEdit(tool: ToolUse | undefined): tool is ToolUse {
  return tool !== undefined && editTools.has(tool.name);
}

export function EditDiff({ tool }: { readonly tool: Pick<ToolUse, 'params'> }) {
  const { path, oldText, newText, content } = tool.params as Edit;
  const [before, after] = [String(oldText ?? ''), String(newText ?? content ?? '')];
  const parts = useMemo(() => diffLines(before, after), [before, after]);
  return (
    <figure>
      <figcaption class="quiet mono">{String(path ?? '')}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <section class="code diff" tabIndex={0} aria-label={`Change of ${String(path ?? 'a file')}`}>
        {parts.map(({ value, added, removed }, index) => (
          <pre key={index} class={added ? 'added' : removed ? 'removed' : ''}>
            {value
              .replace(/\n$/, '')
              .split('\n')
              .map((line) => `${added ? '+' : removed ? '-' : ' '} ${line}\n`)}
          </pre>
        ))}
      </section>
    </figure>
  );
}
