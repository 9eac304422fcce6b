// A secret that is shown once, with a button that copies it.

import { copy } from './copy.ts';

export function Secret({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div class="field">
      <span class="field-name">{name}</span>
      <div class="row">
        <code class="secret grow">{value}</code>
        <button type="button" aria-label={`Copy ${name}`} onClick={() => copy(value)}>
          Copy
        </button>
      </div>
    </div>
  );
}
