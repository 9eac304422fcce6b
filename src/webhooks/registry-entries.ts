// The entries of webhooks.json. Each is read by itself: an entry that cannot be used stays in the file as it is and is
// shown as refused, with the reason; the others work.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { jsonFault } from '../base/redaction.ts';
import { idOf, readRefused, type WebhookConfig } from './webhook-config.ts';

export interface RegistryEntry {
  /** Its own, or one derived from its content if it has no valid id. */
  readonly id: string;
  /** Of a refused entry: the fields that can be read. */
  readonly config: WebhookConfig;
  /** The reason why it cannot be used now; undefined if it can. */
  readonly refusal: string | undefined;
  /** Unchanged from the file. */
  readonly raw: unknown;
}

export type Entries = ReadonlyMap<string, RegistryEntry>;

/** The list is alone in the file, as the first version wrote it, or in an object that may have other members. */
export type FileForm =
  | { readonly kind: 'array' }
  | { readonly kind: 'object'; readonly content: Readonly<Record<string, unknown>> };

export type ParsedFile =
  | { readonly kind: 'entries'; readonly entries: Entries; readonly form: FileForm }
  | { readonly kind: 'refused'; readonly reason: string };

/** Checks one entry. @throws CodeBuddyError `validation_failed` */
export type ParseEntry = (entry: unknown) => WebhookConfig;

/** `before`: the entries in force until now; unreadable fields of a refused entry are taken from there. */
export function parseFile(text: string, parse: ParseEntry, before: Entries): ParsedFile {
  if (text.trim() === '') return { kind: 'refused', reason: 'it is empty' };
  let content: unknown;
  try {
    content = JSON.parse(text);
    // Deeply nested JSON can be parsed, but may not be serializable again.
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
    return { kind: 'refused', reason: 'it must contain a list of webhooks, or {"webhooks": [...]}' };
  return { kind: 'entries', entries: readEntries(list, parse, before), form: { kind: 'object', content } };
}

/** The text of a webhooks.json with these entries. */
export function writeFile(entries: ReadonlyMap<string, Pick<RegistryEntry, 'raw'>>, form: FileForm): string {
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
    const id = deriveEntryId(raw, (derived) => entries.has(derived));
    const refusal = own === undefined ? missingId(raw) : `another entry already has the id ${own}`;
    entries.set(id, { id, raw, refusal, config: readRefused(raw, id, undefined) });
  }
  return entries;
}

/** Read an entry that has a valid id. */
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
  return describeFaults(error.errors.slice(0, 5));
}

/** `/url must be …; /timeout must be …` */
export function describeFaults(
  faults: readonly { readonly pointer: string; readonly message: string }[],
): string {
  return faults.map(({ pointer, message }) => `${pointer === '' ? 'it' : pointer} ${message}`).join('; ');
}

function missingId(raw: unknown): string {
  if (!isRecord(raw)) return 'it must be an object';
  return Object.hasOwn(raw, 'id') ? '/id must be 8 to 64 letters, digits, _ or -' : 'it has no id';
}

/** The same id for the same content, so that requests can name the entry. */
function deriveEntryId(raw: unknown, isTaken: (id: string) => boolean): string {
  const hash = createHash('sha256').update(JSON.stringify(raw)).digest('hex').slice(0, 12);
  for (let number = 1; ; number++) {
    const id = `refused-${hash}${number === 1 ? '' : `-${number}`}`;
    if (!isTaken(id)) return id;
  }
}
