// The entries of webhooks.json. Each stands alone: one that cannot be used stays in the file as it is and is shown as refused, with the
// reason; the others work.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { jsonFault } from '../base/redaction.ts';
import { idOf, readRefused, type WebhookConfig } from './webhook-config.ts';

export interface RegistryEntry {
  /** Its own, or one that is made from its content if it has none that can be used. */
  readonly id: string;
  /** Of a refused entry: what can be read of it. */
  readonly config: WebhookConfig;
  /** Why it cannot be used now, in words; undefined if it can. */
  readonly refusal: string | undefined;
  /** As it stands in the file. */
  readonly raw: unknown;
}

export type Entries = ReadonlyMap<string, RegistryEntry>;

/** How the list stands in the file: alone, as the first version wrote it, or in an object, with what else that holds. */
export type FileForm =
  | { readonly kind: 'array' }
  | { readonly kind: 'object'; readonly content: Readonly<Record<string, unknown>> };

export type ParsedFile =
  | { readonly kind: 'entries'; readonly entries: Entries; readonly form: FileForm }
  | { readonly kind: 'refused'; readonly reason: string };

/** Checks one entry. @throws CodeBuddyError `validation_failed` */
export type ParseEntry = (entry: unknown) => WebhookConfig;

/** `before`: what was in force until now; fields of a refused entry that cannot be read are taken from there. */
export function parseFile(text: string, parse: ParseEntry, before: Entries): ParsedFile {
  if (text.trim() === '') return { kind: 'refused', reason: 'it is empty' };
  let content: unknown;
  try {
    content = JSON.parse(text);
    // What is nested too deeply can be read but not written again.
    JSON.stringify(content);
  } catch (error) {
    const reason =
      error instanceof RangeError ? 'it is nested too deeply' : `it is not JSON (${jsonFault(error)})`;
    return { kind: 'refused', reason };
  }
  if (Array.isArray(content))
    return { kind: 'entries', entries: readEntries(content, parse, before), form: { kind: 'array' } };
  const list = isRecord(content) ? content.webhooks : undefined;
  if (!isRecord(content) || !Array.isArray(list))
    return { kind: 'refused', reason: 'it must hold a list of webhooks, or {"webhooks": [...]}' };
  return { kind: 'entries', entries: readEntries(list, parse, before), form: { kind: 'object', content } };
}

export function writeFile(entries: Entries, form: FileForm): string {
  const list = [...entries.values()].map(({ raw }) => raw);
  const content = form.kind === 'array' ? list : { ...form.content, webhooks: list };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

export function readEntries(list: readonly unknown[], parse: ParseEntry, before: Entries): Entries {
  const entries = new Map<string, RegistryEntry>();
  for (const raw of list) {
    const own = idOf(raw);
    if (own !== undefined && !entries.has(own)) {
      entries.set(own, readEntry(own, raw, parse, before));
      continue;
    }
    const id = makeEntryId(raw, (made) => entries.has(made));
    const refusal = own === undefined ? missingId(raw) : `another entry has the id ${own} already`;
    entries.set(id, { id, raw, refusal, config: readRefused(raw, id, undefined) });
  }
  return entries;
}

/** An entry under its own id. */
export function readEntry(id: string, raw: unknown, parse: ParseEntry, before: Entries): RegistryEntry {
  try {
    return { id, raw, refusal: undefined, config: parse(raw) };
  } catch (error) {
    return { id, raw, refusal: reasonOf(error), config: readRefused(raw, id, before.get(id)?.config) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof CodeBuddyError) || error.errors === undefined)
    return `it cannot be read (${error instanceof Error ? error.message : String(error)})`;
  return error.errors
    .slice(0, 5)
    .map(({ pointer, message }) => `${pointer === '' ? 'it' : pointer} ${message}`)
    .join('; ');
}

function missingId(raw: unknown): string {
  if (!isRecord(raw)) return 'it must be an object';
  return Object.hasOwn(raw, 'id') ? '/id must be 8 to 64 letters, digits, _ or -' : 'it has no id';
}

/** The same for the same content, so that it can be named in a request. */
function makeEntryId(raw: unknown, isTaken: (id: string) => boolean): string {
  const hash = createHash('sha256').update(JSON.stringify(raw)).digest('hex').slice(0, 12);
  for (let number = 1; ; number++) {
    const id = `refused-${hash}${number === 1 ? '' : `-${number}`}`;
    if (!isTaken(id)) return id;
  }
}
