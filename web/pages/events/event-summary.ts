// One line about an event.

import type { LoggedEvent } from '../../../src/client/web.ts';
import { firstValueOf } from '../../parts/first-value.ts';

/** The fields of `data` that say most, in this order: the first that an event has is shown. */
const telling = [
  'text',
  'title',
  'message',
  'path',
  'reason',
  'response',
  'tool',
  'name',
  'position',
] as const;

export function summaryOf({ data }: LoggedEvent): string {
  const fields = data as Readonly<Record<string, unknown>>;
  const { tool, params, code } = fields;
  const parts: string[] = [];
  if (typeof tool === 'string') parts.push(tool);
  if (typeof params === 'object' && params !== null) parts.push(firstValueOf(params));
  if (typeof code === 'string') parts.push(code);
  if (parts.length === 0 || typeof code === 'string') {
    const name = telling.find((field) => fields[field] !== undefined && field !== 'tool');
    if (name === 'position')
      parts.push(fields.position === 0 ? 'begins at once' : `${fields.position} before it`);
    else if (name !== undefined) parts.push(String(fields[name]));
  }
  return parts.join(' ').replace(/\s+/g, ' ').slice(0, 300);
}

/** The color of a type: only for state. */
export function toneOf(type: string): '' | 'good' | 'warn' | 'bad' {
  if (/(^|\.)(error|failed|failing|disabled|exhausted)$/.test(type)) return 'bad';
  if (/^(permission\.request|cost\.threshold|run\.cancelled)$/.test(type)) return 'warn';
  if (/\.(complete|recovered)$/.test(type)) return 'good';
  return '';
}
