// The arrow of a row that opens. It points down while the row is open.

import { Icon } from './icon.tsx';

export function Turn({ isOpen }: { readonly isOpen: boolean }) {
  return (
    <span class={isOpen ? 'turn is-open' : 'turn'}>
      <Icon name="open" />
    </span>
  );
}
