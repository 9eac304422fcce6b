// A block of code with its language and a button that copies it.

import { useMemo } from 'preact/hooks';
import { highlight } from './highlight.tsx';
import { attempt } from './toast.tsx';

export function Code({ text, language }: { readonly text: string; readonly language?: string | undefined }) {
  return (
    <div class="code-block">
      <div class="row quiet">
        <span class="grow">{language || 'code'}</span>
        <button
          type="button"
          class="bare tight"
          onClick={() => attempt(() => navigator.clipboard.writeText(text), 'Copied.')}
        >
          Copy
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <section class="code" tabIndex={0} aria-label={language ? `Code, ${language}` : 'Code'}>
        <pre>{useMemo(() => highlight(text, language), [text, language])}</pre>
      </section>
    </div>
  );
}
