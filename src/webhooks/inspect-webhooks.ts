// Reports what a start would find in webhooks.json, without starting or changing anything.

import { type InspectedFile, inspectFile } from '../registry/inspect-file.ts';
import { createUrlGuard } from './url-guard.ts';
import { parseWebhook } from './webhook-config.ts';
import { webhookEntries } from './webhook-entries.ts';

export interface InspectWebhooksOptions {
  readonly path: string;
  readonly allowedTargets: readonly string[];
  readonly allowLoopback: boolean;
}

export function inspectWebhooks({
  path,
  allowedTargets,
  allowLoopback,
}: InspectWebhooksOptions): InspectedFile {
  const guard = createUrlGuard({ allowedTargets, allowLoopback, ownListeners: () => [] });
  const checks = { checkUrl: (url: string) => guard.check(url), makeId: () => '' };
  const kind = webhookEntries((entry) => parseWebhook(entry, checks));
  return inspectFile(path, kind) ?? { count: 0, fault: undefined, refused: [] };
}
