// A JSON value as text, with its parts colored. Long values are cut, with a button that shows all.

import { useState } from 'preact/hooks';
import { CodeArea } from './code-area.tsx';
import { formatBytes } from './format.ts';
import { withMatches } from './with-matches.ts';

const shownCharacters = 4000;
const token = /("(?:[^"\\]|\\.)*")(?=(\s*:)?)|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  return <LongText text={JSON.stringify(value, null, 2) ?? 'undefined'} label={label} isJson />;
}

export interface LongTextProps {
  readonly text: string;
  /** For screen readers. */
  readonly label: string;
  readonly isJson?: boolean;
}

export function LongText({ text, label, isJson = false }: LongTextProps) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? text : text.slice(0, shownCharacters);
  return (
    <figure>
      <CodeArea label={label}>{isJson ? colored(shown) : shown}</CodeArea>
      {shown.length < text.length && (
        <button type="button" class="bare" onClick={() => setWhole(true)}>
          Show all {formatBytes(text.length)}
        </button>
      )}
    </figure>
  );
}

function colored(text: string) {
  return withMatches(text, token, ({ index, 0: whole, 1: string, 2: colon }) => (
    <span key={index} class={colon !== undefined ? 'name' : string !== undefined ? 'string' : 'literal'}>
      {whole}
    </span>
  ));
}
