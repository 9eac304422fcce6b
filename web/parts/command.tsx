// A command to run in a terminal, with a button that copies it.

import { Icon } from './icon.tsx';
import { attempt } from './toast.tsx';

export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <code class="grow">{text}</code>
      <button
        type="button"
        class="bare"
        title="Copy"
        aria-label={`Copy ${text}`}
        onClick={() => attempt(() => navigator.clipboard.writeText(text), 'Copied.')}
      >
        <Icon name="copy" />
      </button>
    </div>
  );
}
