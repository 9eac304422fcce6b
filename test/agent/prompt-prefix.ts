// Measures how much of a request a provider has cached: prompt caches match requests that begin with the same bytes.

import { field, items } from './model-server-json.ts';
import type { ModelRequest } from './model-server-types.ts';

const lists: Readonly<Record<ModelRequest['format'], string>> = {
  openai: 'messages',
  'openai-responses': 'input',
  anthropic: 'messages',
  google: 'contents',
};

/**
 * The share of `before`'s bytes with which `after` begins: instructions, tools, and the conversation up to the new
 * part. 1 if nothing has changed.
 */
export function sharedPrefix(before: ModelRequest, after: ModelRequest): number {
  const [left, right] = [bytesOf(before), bytesOf(after)];
  let same = 0;
  while (same < left.length && left[same] === right[same]) same++;
  return same / left.length;
}

/** In the order in which providers read it, without the bracket that closes the list. */
function bytesOf({ format, body }: ModelRequest): Buffer {
  const list = lists[format];
  const head = ['tools', 'system', 'systemInstruction', 'instructions'].map(
    (name) => field(body, name) ?? null,
  );
  return Buffer.from(JSON.stringify(head) + JSON.stringify(items(field(body, list))).slice(0, -1));
}
