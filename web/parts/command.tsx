// A command to run in a terminal, with a button that copies it.

import { copy } from './copy.ts';
import { Icon } from './icon.tsx';

export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <code class="grow">{text}</code>
      <button type="button" class="bare" title="Copy" aria-label={`Copy ${text}`} onClick={() => copy(text)}>
        <Icon name="copy" />
      </button>
    </div>
  );
}
