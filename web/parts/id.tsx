// A short id. A click copies the whole one.

import { useState } from 'preact/hooks';
import { notifyError } from './toast.tsx';

const shownMs = 1200;

export function Id({ id }: { readonly id: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (event: MouseEvent): Promise<void> => {
    event.stopPropagation();
    try {
      await navigator.clipboard.writeText(id);
      setCopied(true);
      setTimeout(() => setCopied(false), shownMs);
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <button
      type="button"
      class="id"
      title={`Copy ${id}`}
      aria-label={`${isCopied ? 'copied' : shortId(id)}: Copy ${id}`}
      onClick={copy}
    >
      {isCopied ? 'copied' : shortId(id)}
    </button>
  );
}

/** `ses_…4K2P`: the kind and the end, which differs most. */
export function shortId(id: string): string {
  const [, kind, rest] = /^([a-z]+_)(.+)$/.exec(id) ?? [];
  if (kind === undefined || rest === undefined || rest.length <= 8) return id;
  return `${kind}…${rest.slice(-6)}`;
}
