// The flags of `keys create` and `keys update` for the limits of a key.

import type { Command } from 'commander';
import type { KeyLimits } from '../contract/api-key.ts';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { wholeNumber } from './option-values.ts';

const names = { requestsPerMinute: 'request', promptsPerMinute: 'prompt' } as const;
const fields = ['requestsPerMinute', 'promptsPerMinute'] as const;

/** `Value` is `number | 'none'` if a limit can be removed. */
export type LimitOptions<Value = number> = { readonly [Field in keyof KeyLimits]?: Value };

export function withNewLimits(command: Command): Command {
  for (const field of fields) {
    const flag = flagOf(field);
    const help = `${names[field]}s that the key may send per minute (default: no limit)`;
    const parse = wholeNumber(flag, limits[field]);
    command.addOption(new Flag(`${flag} <number>`, help, { field: `limits/${field}`, parse }));
  }
  return command;
}

/** The flags take `none`, too, which removes a limit. */
export function withChangedLimits(command: Command): Command {
  for (const field of fields) {
    const flag = flagOf(field);
    const help = `${names[field]}s that the key may send per minute, or none for no limit`;
    const number = wholeNumber(flag, limits[field]);
    const parse = (text: string): number | 'none' => (text === 'none' ? text : number(text));
    const words = ['none'];
    command.addOption(new Flag(`${flag} <number>`, help, { field: `limits/${field}`, parse, words }));
  }
  return command;
}

/** The limits that were given, null for one to remove; undefined if none were. */
export function readLimits<Value extends number | 'none'>(
  options: LimitOptions<Value>,
): LimitOptions<Exclude<Value, 'none'> | ('none' extends Value ? null : never)> | undefined {
  const given = fields.flatMap((field) => {
    const value = options[field];
    return value === undefined ? [] : [[field, value === 'none' ? null : value] as const];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** `60 requests, 1 prompt`; empty without limits. */
export function limitsText(given: KeyLimits): string {
  return fields
    .flatMap((field) => {
      const value = given[field];
      return value === undefined ? [] : [`${value} ${names[field]}${value === 1 ? '' : 's'}`];
    })
    .join(', ');
}

function flagOf(field: (typeof fields)[number]): string {
  return `--${names[field]}s-per-minute`;
}
