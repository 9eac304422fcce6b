// The webhooks of a webhooks.json as a move takes them: every entry as it is, also those that a start would refuse.

import type { MovedWebhook } from '../store/moved-tables.ts';
import { parseFile } from './registry-entries.ts';
import { readRegistryFile } from './registry-file.ts';

/** @throws Error that names the file if it cannot be used as a whole */
export function webhooksToMove(path: string): readonly MovedWebhook[] {
  const content = readRegistryFile(path, { mayChangeMode: false });
  if (content.kind === 'missing') return [];
  if (content.kind !== 'text') throw new Error(`${path} cannot be used: ${content.reason}.`);
  const parsed = parseFile(
    content.text,
    () => {
      throw new TypeError('Not checked here: the next start does.');
    },
    new Map(),
  );
  if (parsed.kind === 'refused') throw new Error(`${path} cannot be used: ${parsed.reason}.`);
  return [...parsed.entries.values()].map(({ id, raw }) => ({
    id,
    runId: null,
    entry: JSON.stringify(raw),
  }));
}
