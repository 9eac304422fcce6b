// A list of texts: chips, and a field that adds one with Enter, a comma or a choice among the suggestions.

import { useId, useState } from 'preact/hooks';
import type { ControlProps } from './control-props.ts';
import { Icon } from './icon.tsx';

export function TextsControl({ id, value, isDisabled, isInvalid, suggestions, onChange }: ControlProps) {
  const list = useId();
  const [text, setText] = useState('');
  const texts: readonly string[] = Array.isArray(value) ? value.map(String) : [];
  const set = (next: readonly string[]): void => onChange(next.length === 0 ? undefined : next);
  const add = (entered: string): void => {
    const more = entered.split(/[\s,]+/).filter((one) => one !== '' && !texts.includes(one));
    if (more.length > 0) set([...texts, ...more]);
    setText('');
  };
  return (
    <div class="texts">
      {texts.map((one) => (
        <span key={one} class="chip">
          <span class="mono">{one}</span>
          <button
            type="button"
            class="bare tight"
            aria-label={`Remove ${one}`}
            disabled={isDisabled}
            onClick={() => set(texts.filter((other) => other !== one))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <input
        id={id}
        class="grow"
        aria-label="Add one"
        aria-invalid={isInvalid}
        placeholder={texts.length === 0 ? 'Add one' : 'Add another'}
        disabled={isDisabled}
        spellcheck={false}
        autocomplete="off"
        list={suggestions.length === 0 ? undefined : list}
        value={text}
        onInput={(event) => {
          const entered = event.currentTarget.value;
          if (/[\s,]$/.test(entered) || (isChosen(event) && suggestions.includes(entered))) add(entered);
          else setText(entered);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            // It must not send the form.
            event.preventDefault();
            add(text);
          }
          if (event.key === 'Backspace' && text === '' && texts.length > 0) set(texts.slice(0, -1));
        }}
        onBlur={() => add(text)}
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions
            .filter((one) => !texts.includes(one))
            .map((one) => (
              <option key={one} value={one} />
            ))}
        </datalist>
      )}
    </div>
  );
}

/** A choice among the suggestions. What is typed may be the beginning of something longer. */
function isChosen(event: Event): boolean {
  return !(event instanceof InputEvent) || event.inputType === 'insertReplacementText';
}
