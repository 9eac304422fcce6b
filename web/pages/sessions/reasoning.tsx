// The reasoning of a model: one line with its end, which opens to the whole.

import { useState } from 'preact/hooks';
import { Markdown } from '../../parts/markdown.tsx';
import { Turn } from '../../parts/turn.tsx';

/** Characters of the end that are shown while it is folded. */
const previewLength = 160;

export function Reasoning({ text }: { readonly text: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="reasoning">
      <button type="button" class="bare tool-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Turn isOpen={isOpen} />
        Reasoning
        {!isOpen && <span class="cut grow quiet">{previewOf(text)}</span>}
      </button>
      {isOpen && (
        <div class="tool-detail quiet">
          <Markdown text={text} />
        </div>
      )}
    </div>
  );
}

function previewOf(text: string): string {
  // Without the marks of Markdown.
  const end = text
    .slice(-previewLength)
    .replace(/[*`#\s]+/g, ' ')
    .trim();
  return text.length > previewLength ? `… ${end}` : end;
}
