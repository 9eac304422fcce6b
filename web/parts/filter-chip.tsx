// An active filter. A click clears it.

import { Icon } from './icon.tsx';
import { shortId } from './id.tsx';

export interface FilterChipProps {
  readonly name: string;
  readonly value: string;
  readonly onClear: () => void;
}

export function FilterChip({ name, value, onClear }: FilterChipProps) {
  return (
    <span class="chip" title={value}>
      {name}: {shortId(value)}
      <button type="button" class="bare tight" aria-label={`Clear the filter ${name}`} onClick={onClear}>
        <Icon name="close" />
      </button>
    </span>
  );
}
