// The fields of a key's limits: empty means no limit.

import type { ApiKey } from '../../../src/client/web.ts';
import { keyLimitsSchema } from '../../../src/contract/api-key.ts';

/** As typed. */
export interface TypedLimits {
  readonly requestsPerMinute: string;
  readonly promptsPerMinute: string;
}

const labels = {
  requestsPerMinute: 'Requests per minute',
  promptsPerMinute: 'Prompts per minute',
} as const;
const names = ['requestsPerMinute', 'promptsPerMinute'] as const;

export function typedLimits({ requestsPerMinute, promptsPerMinute }: ApiKey['limits'] = {}): TypedLimits {
  return {
    requestsPerMinute: String(requestsPerMinute ?? ''),
    promptsPerMinute: String(promptsPerMinute ?? ''),
  };
}

/** The limits of a new key. */
export function limitsOf(typed: TypedLimits): ApiKey['limits'] {
  return Object.fromEntries(
    names.flatMap((name) => (typed[name] === '' ? [] : [[name, Number(typed[name])]])),
  );
}

/** The limits that differ; null removes one. */
export function limitChanges(before: TypedLimits, after: TypedLimits) {
  const changed = names.filter((name) => after[name] !== before[name]);
  return Object.fromEntries(changed.map((name) => [name, after[name] === '' ? null : Number(after[name])]));
}

export interface KeyLimitsProps {
  readonly value: TypedLimits;
  readonly onChange: (value: TypedLimits) => void;
}

export function KeyLimits({ value, onChange }: KeyLimitsProps) {
  return names.map((name) => (
    <label key={name} class="field">
      <span>{labels[name]}</span>
      <input
        type="number"
        min={1}
        max={keyLimitsSchema.properties[name].maximum}
        placeholder="no limit"
        value={value[name]}
        onInput={({ currentTarget }) => onChange({ ...value, [name]: currentTarget.value })}
      />
    </label>
  ));
}
