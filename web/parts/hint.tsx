// The description of a field. `code` in backticks is code; of a long one, only the first sentence is shown at first.

import { useState } from 'preact/hooks';

const longest = 160;

export function Hint({ id, text }: { readonly id: string; readonly text: string }) {
  const [isWhole, setWhole] = useState(text.length <= longest);
  const [first = ''] = /^.*?[.:](?=\s|$)/s.exec(text) ?? [text.slice(0, longest)];
  return (
    <p class="hint" id={id}>
      {withCode(isWhole ? text : first)}
      {!isWhole && first.length < text.length && (
        <button type="button" class="bare tight" onClick={() => setWhole(true)}>
          more
        </button>
      )}
    </p>
  );
}

function withCode(text: string) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
