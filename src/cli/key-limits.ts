// The flags of `keys create` and `keys update` for the limits of a key.

import type { Command } from 'commander';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { wholeNumber } from './option-values.ts';

/** `Value` is null for a limit to remove. */
export interface LimitOptions<Value extends number | null = number> {
  readonly requestsPerMinute?: Value;
  readonly promptsPerMinute?: Value;
}

/** `removable`: the flags take `none`, too, which removes a limit. */
export function withLimits(command: Command, { removable = false } = {}): Command {
  const add = (name: string, field: 'requestsPerMinute' | 'promptsPerMinute', what: string): void => {
    const number = wholeNumber(name, limits[field]);
    const parse = (text: string): number | null => (removable && text === 'none' ? null : number(text));
    const help = `${what} that the key may send per minute${removable ? ', or none for no limit' : ' (default: no limit)'}`;
    const words = removable ? ['none'] : [];
    command.addOption(new Flag(`${name} <number>`, help, { field: `limits/${field}`, parse, words }));
  };
  add('--requests-per-minute', 'requestsPerMinute', 'requests');
  add('--prompts-per-minute', 'promptsPerMinute', 'prompts');
  return command;
}

/** The limits that were given; undefined if none were. */
export function readLimits<Value extends number | null>({
  requestsPerMinute,
  promptsPerMinute,
}: LimitOptions<Value>): LimitOptions<Value> | undefined {
  if (requestsPerMinute === undefined && promptsPerMinute === undefined) return undefined;
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(promptsPerMinute === undefined ? {} : { promptsPerMinute }),
  };
}

/** `60 requests, 10 prompts`; empty without limits. */
export function limitsText({ requestsPerMinute, promptsPerMinute }: LimitOptions): string {
  return [
    ...(requestsPerMinute === undefined ? [] : [`${requestsPerMinute} requests`]),
    ...(promptsPerMinute === undefined ? [] : [`${promptsPerMinute} prompts`]),
  ].join(', ');
}
