// Names with their values, such as headers: one row each. A row without a name is ignored.

import { useRef, useState } from 'preact/hooks';
import type { ControlProps } from './control-props.ts';
import { Icon } from './icon.tsx';

interface Entry {
  readonly key: number;
  readonly name: string;
  readonly value: string;
}

export function MapControl({ value, isDisabled, onChange }: ControlProps) {
  const nextKey = useRef(0);
  const [entries, setEntries] = useState<readonly Entry[]>(() =>
    Object.entries((value ?? {}) as Readonly<Record<string, string>>).map(([name, text]) => ({
      key: nextKey.current++,
      name,
      value: text,
    })),
  );
  const set = (next: readonly Entry[]): void => {
    setEntries(next);
    const named = next.filter(({ name }) => name !== '');
    onChange(
      named.length === 0 ? undefined : Object.fromEntries(named.map(({ name, value: text }) => [name, text])),
    );
  };
  const change = (key: number, part: Partial<Entry>): void =>
    set(entries.map((entry) => (entry.key === key ? { ...entry, ...part } : entry)));
  return (
    <div class="stack">
      {entries.map(({ key, name, value: text }) => (
        <div key={key} class="row">
          <input
            class="map-name"
            aria-label="Name"
            placeholder="Name"
            value={name}
            disabled={isDisabled}
            spellcheck={false}
            onInput={({ currentTarget }) => change(key, { name: currentTarget.value })}
          />
          <input
            class="grow"
            aria-label={`Value of ${name || 'the new one'}`}
            placeholder="Value"
            value={text}
            disabled={isDisabled}
            spellcheck={false}
            onInput={({ currentTarget }) => change(key, { value: currentTarget.value })}
          />
          <button
            type="button"
            class="bare"
            aria-label={`Remove ${name || 'the new one'}`}
            onClick={() => set(entries.filter((entry) => entry.key !== key))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <div>
        <button
          type="button"
          disabled={isDisabled}
          onClick={() => setEntries([...entries, { key: nextKey.current++, name: '', value: '' }])}
        >
          Add
        </button>
      </div>
    </div>
  );
}
