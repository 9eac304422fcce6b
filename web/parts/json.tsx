// A JSON value as text, with its parts colored. Long ones are cut until they are asked for.

import { useState } from 'preact/hooks';
import { formatBytes } from './format.ts';

const shownCharacters = 4000;
const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <section class="code" tabIndex={0} aria-label={label}>
        <pre>{isJson ? colored(shown) : shown}</pre>
      </section>
      {shown.length < text.length && (
        <button type="button" class="bare" onClick={() => setWhole(true)}>
          Show all {formatBytes(text.length)}
        </button>
      )}
    </figure>
  );
}

function colored(text: string) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(token)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    const [whole, string, colon] = match;
    const kind = colon !== undefined ? 'name' : string !== undefined ? 'string' : 'literal';
    parts.push(
      <span key={match.index} class={kind}>
        {colon === undefined ? whole : string}
      </span>,
    );
    if (colon !== undefined) parts.push(colon);
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts;
}
