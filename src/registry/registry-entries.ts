// The entries of a file such as webhooks.json. Each is read by itself: an entry that cannot be used stays in the file as
// it is and is shown as refused, with the reason; the others work.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { jsonFault } from '../base/redaction.ts';

/** The kind of a registry's entries: their names, and how they are read. */
export interface EntryKind<Config> {
  /** The member with the list, if the file contains an object; also the word for the entries in messages. */
  readonly plural: string;
  /** Checks one entry. @throws CodeBuddyError `validation_failed` */
  readonly parse: (entry: unknown) => Config;
  /** Reads the valid fields of an entry that cannot be used. `before`: the configuration in force until now. */
  readonly readRefused: (entry: unknown, id: string, before: Config | undefined) => Config;
}

export interface RegistryEntry<Config> {
  /** Its own, or one derived from its content if it has no valid id. */
  readonly id: string;
  /** Of a refused entry: the fields that can be read. */
  readonly config: Config;
  /** The reason why it cannot be used now; undefined if it can. */
  readonly refusal: string | undefined;
  /** Unchanged from the file. */
  readonly raw: unknown;
}

export type Entries<Config> = ReadonlyMap<string, RegistryEntry<Config>>;

/** The list is alone in the file, as the first version wrote it, or in an object that may have other members. */
export type FileForm =
  | { readonly kind: 'array' }
  | { readonly kind: 'object'; readonly content: Readonly<Record<string, unknown>> };

export type ParsedFile<Config> =
  | { readonly kind: 'entries'; readonly entries: Entries<Config>; readonly form: FileForm }
  | { readonly kind: 'refused'; readonly reason: string };

/** `before`: the entries in force until now; unreadable fields of a refused entry are taken from there. */
export function parseFile<Config>(
  text: string,
  kind: EntryKind<Config>,
  before: Entries<Config>,
): ParsedFile<Config> {
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
    return { kind: 'entries', entries: readEntries(content, kind, before), form: { kind: 'array' } };
  const list = isRecord(content) ? content[kind.plural] : undefined;
  if (!isRecord(content) || !Array.isArray(list))
    return {
      kind: 'refused',
      reason: `it must contain a list of ${kind.plural}, or {"${kind.plural}": [...]}`,
    };
  return { kind: 'entries', entries: readEntries(list, kind, before), form: { kind: 'object', content } };
}

/** The text of a file with these entries. */
export function writeFile(
  entries: ReadonlyMap<string, { readonly raw: unknown }>,
  form: FileForm,
  plural: string,
): string {
  const list = [...entries.values()].map(({ raw }) => raw);
  const content = form.kind === 'array' ? list : { ...form.content, [plural]: list };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

export function readEntries<Config>(
  list: readonly unknown[],
  kind: EntryKind<Config>,
  before: Entries<Config>,
): Entries<Config> {
  const entries = new Map<string, RegistryEntry<Config>>();
  for (const raw of list) {
    const own = idOf(raw);
    if (own !== undefined && !entries.has(own)) {
      entries.set(own, readEntry(own, raw, kind, before));
      continue;
    }
    const id = deriveEntryId(raw, (derived) => entries.has(derived));
    const refusal = own === undefined ? missingId(raw) : `another entry already has the id ${own}`;
    entries.set(id, { id, raw, refusal, config: kind.readRefused(raw, id, undefined) });
  }
  return entries;
}

/** Read an entry that has a valid id. */
export function readEntry<Config>(
  id: string,
  raw: unknown,
  kind: EntryKind<Config>,
  before: Entries<Config>,
): RegistryEntry<Config> {
  try {
    return { id, raw, refusal: undefined, config: kind.parse(raw) };
  } catch (error) {
    const config = kind.readRefused(raw, id, before.get(id)?.config);
    return { id, raw, refusal: reasonOf(error), config };
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

/** The rule for ids of entries. */
export const entryIdPattern = /^[A-Za-z0-9_-]{8,64}$/;

/** The id of an entry; undefined if it has no valid one. */
export function idOf(entry: unknown): string | undefined {
  if (!isRecord(entry) || !Object.hasOwn(entry, 'id')) return undefined;
  const { id } = entry;
  return typeof id === 'string' && entryIdPattern.test(id) ? id : undefined;
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
