// The webhooks of a webhooks.json as a move takes them: every entry as it is, also those that a start would refuse.

import { readUncheckedFile } from '../registry/unchecked-file.ts';
import type { MovedWebhook } from '../store/moved-tables.ts';
import { webhooksMember } from './webhook-entries.ts';

/** @throws Error that names the file if it cannot be used as a whole */
export function webhooksToMove(path: string): readonly MovedWebhook[] {
  return [...readUncheckedFile(path, webhooksMember).entries.values()].map(({ id, raw }) => ({
    id,
    runId: null,
    entry: JSON.stringify(raw),
  }));
}
