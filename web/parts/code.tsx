// A block of code with its language and a button that copies it.

import { useMemo } from 'preact/hooks';
import { CodeArea } from './code-area.tsx';
import { copy } from './copy.ts';
import { highlight } from './highlight.tsx';

export function Code({ text, language }: { readonly text: string; readonly language?: string | undefined }) {
  return (
    <div class="code-block">
      <div class="row quiet">
        <span class="grow">{language || 'code'}</span>
        <button type="button" class="bare tight" onClick={() => copy(text)}>
          Copy
        </button>
      </div>
      <CodeArea label={language ? `Code, ${language}` : 'Code'}>
        {useMemo(() => highlight(text, language), [text, language])}
      </CodeArea>
    </div>
  );
}
