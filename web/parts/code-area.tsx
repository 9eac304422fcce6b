// Preformatted text in an area that scrolls. It is a `figure`, because a page can have several with the same name.

import type { ComponentChildren } from 'preact';

export interface CodeAreaProps {
  /** For screen readers. */
  readonly label: string;
  /** Shows characters in the order of the text, whatever their direction. @default false */
  readonly isExact?: boolean;
  readonly children: ComponentChildren;
}

export function CodeArea({ label, isExact = false, children }: CodeAreaProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
    <figure class={isExact ? 'code exact' : 'code'} tabIndex={0} aria-label={label}>
      <pre>{children}</pre>
    </figure>
  );
}
