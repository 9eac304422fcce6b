// Reports what a start would find in webhooks.json, without starting or changing anything.

import { maskUrlsIn } from '../base/redaction.ts';
import { parseFile } from '../registry/registry-entries.ts';
import { readRegistryFile } from '../registry/registry-file.ts';
import { createUrlGuard } from './url-guard.ts';
import { parseWebhook } from './webhook-config.ts';
import { webhookEntries } from './webhook-entries.ts';

export interface InspectWebhooksOptions {
  readonly path: string;
  readonly allowedTargets: readonly string[];
  readonly allowLoopback: boolean;
}

export interface InspectedWebhooks {
  readonly count: number;
  /** The reason why the file cannot be used. */
  readonly fault: string | undefined;
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

export function inspectWebhooks({
  path,
  allowedTargets,
  allowLoopback,
}: InspectWebhooksOptions): InspectedWebhooks {
  const content = readRegistryFile(path, { mayChangeMode: false });
  if (content.kind === 'missing') return { count: 0, fault: undefined, refused: [] };
  if (content.kind !== 'text') return { count: 0, fault: content.reason, refused: [] };
  const guard = createUrlGuard({ allowedTargets, allowLoopback, ownListeners: () => [] });
  const checks = { checkUrl: (url: string) => guard.check(url), makeId: () => '' };
  const kind = webhookEntries((entry) => parseWebhook(entry, checks));
  const parsed = parseFile(content.text, kind, new Map());
  if (parsed.kind === 'refused') return { count: 0, fault: parsed.reason, refused: [] };
  const refused = [...parsed.entries.values()].flatMap(({ id, refusal }) =>
    refusal === undefined ? [] : [{ id, reason: maskUrlsIn(refusal) }],
  );
  return { count: parsed.entries.size, fault: undefined, refused };
}
