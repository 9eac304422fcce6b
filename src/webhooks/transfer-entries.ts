// Reads a list of webhooks that is imported, entry by entry, with its secrets, and compares it with those that exist.

import { isDeepStrictEqual } from 'node:util';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { jsonFault } from '../base/redaction.ts';
import { describeFaults, idOf } from '../registry/registry-entries.ts';
import { createUrlGuard } from './url-guard.ts';
import { parseWebhook } from './webhook-config.ts';

export interface ImportedEntry {
  readonly id: string;
  /** As it is in the list. */
  readonly raw: unknown;
}

export type ImportedList =
  | { readonly kind: 'entries'; readonly entries: readonly ImportedEntry[] }
  /** One sentence for each fault. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] };

export interface TargetRules {
  readonly allowedTargets: readonly string[];
  readonly allowLoopback: boolean;
}

/** `text`: the content of a webhooks.json. */
export function readImport(text: string, { allowedTargets, allowLoopback }: TargetRules): ImportedList {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return { kind: 'refused', faults: [`The list is not JSON: ${jsonFault(error)}.`] };
  }
  const list = isRecord(content) ? content.webhooks : content;
  if (!Array.isArray(list))
    return { kind: 'refused', faults: ['It must contain a list of webhooks, or {"webhooks": [...]}.'] };
  const guard = createUrlGuard({ allowedTargets, allowLoopback, ownListeners: () => [] });
  const checks = { checkUrl: (url: string) => guard.check(url), makeId: () => '' };
  const entries = new Map<string, ImportedEntry>();
  const faults: string[] = [];
  for (const [index, raw] of list.entries()) {
    const id = idOf(raw);
    const name = `Entry ${index + 1}${id === undefined ? '' : ` (${id})`}`;
    if (id === undefined) {
      faults.push(
        `${name}: ${isRecord(raw) ? '/id must be 8 to 64 letters, digits, _ or -' : 'it must be an object'}.`,
      );
      continue;
    }
    if (entries.has(id)) faults.push(`${name}: an earlier entry has the same id.`);
    const fault = faultOf(() => parseWebhook(raw, checks));
    if (fault !== undefined) faults.push(`${name}: ${fault}.`);
    entries.set(id, { id, raw });
  }
  return faults.length > 0
    ? { kind: 'refused', faults }
    : { kind: 'entries', entries: [...entries.values()] };
}

function faultOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof CodeBuddyError) || error.errors === undefined) throw error;
    return describeFaults(error.errors);
  }
}

export type ImportOutcome = 'created' | 'updated' | 'unchanged';

/** The effect of importing an entry. */
export function outcomeOf(raw: unknown, existing: { readonly raw: unknown } | undefined): ImportOutcome {
  if (existing === undefined) return 'created';
  return isDeepStrictEqual(raw, existing.raw) ? 'unchanged' : 'updated';
}
