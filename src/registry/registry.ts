// Keeps a list of entries in a file: webhooks in webhooks.json, triggers in triggers.json. Edits of the file take effect
// while the server runs. Changes requested together are written together, each applied to the content of the file at
// that moment, so that no change undoes another. A file that is invalid for two seconds is set aside under another name,
// and the entries stay as they were.

import { existsSync } from 'node:fs';
import { CodeBuddyError } from '../base/errors.ts';
import { watchFile } from './file-watch.ts';
import {
  type Entries,
  type EntryKind,
  type FileForm,
  type ParsedFile,
  parseFile,
  type RegistryEntry,
  readEntries,
  readEntry,
  writeFile,
} from './registry-entries.ts';
import {
  type FileContent,
  readRegistryFile,
  replaceRegistryFile,
  restoreRegistryFile,
  setAside,
} from './registry-file.ts';

export interface RegistryOptions<Config> {
  /** Undefined keeps the registry in memory only. */
  readonly path: string | undefined;
  readonly kind: EntryKind<Config>;
  /** The last valid list, from the store: used if the file cannot be used at the start. */
  readonly lastGood: string | undefined;
  /** Saves the last valid list. Called again only after it has resolved; must not reject. */
  readonly keep: (text: string) => Promise<unknown>;
  /** Called when an edit of the file has changed the entries. */
  readonly onChange: () => void;
  readonly warn: (message: string) => void;
  /** Ends the warning that the file is missing: what it means for the entries that were there. */
  readonly whileMissing: string;
  /** Steady time in ms, by which an unusable file is given time to become usable. @default performance.now */
  readonly now?: () => number;
}

export interface Registry<Config> {
  all(): Entries<Config>;
  /** False if the file was missing or could not be read at the start: entries that are not here may come back. */
  readonly isComplete: boolean;
  /**
   * Replace an entry by what `edit` returns, or remove it if that is undefined. Resolves when it is on the disk. If
   * `edit` throws, only this change is rejected.
   *
   * @throws CodeBuddyError `storage_unavailable`, or an error of the file system; nothing is changed then
   */
  change(
    id: string,
    edit: (current: RegistryEntry<Config> | undefined) => unknown,
  ): Promise<RegistryEntry<Config> | undefined>;
  /** Stop following the file. Changes no longer wait until another program has written it. */
  stopFollowing(): void;
  /** Refuse further changes. Resolves when earlier ones are on the disk. */
  close(): Promise<void>;
}

interface Change<Config> {
  readonly id: string;
  readonly edit: (current: RegistryEntry<Config> | undefined) => unknown;
  readonly resolve: (entry: RegistryEntry<Config> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** `settled`: the content of the file is known and in force. `unsettled`: another program may be writing the file. */
type Reading = 'settled' | 'unsettled' | 'unreadable';

/** How long a file may be invalid after its last change: a program may still be writing it. */
const patienceMs = 2000;
const lookAgainMs = 100;
const readAgainMs = 1000;
/** A file that never stops changing must not block the start or a request forever. */
const longestWaitMs = 10_000;

export async function openRegistry<Config>(options: RegistryOptions<Config>): Promise<Registry<Config>> {
  const { path, kind, lastGood, keep, onChange, warn, now: steadyNow = () => performance.now() } = options;
  const { plural } = kind;
  let entries: Entries<Config> = new Map();
  let form: FileForm = { kind: 'array' };
  /** The content of the file as far as it is known. */
  let known: string | undefined;
  /** The invalid content of the file, and since when it is there. */
  let invalid: { readonly mark: string; readonly since: number } | undefined;
  /** The invalid content that was set aside already; only the valid list could not be written yet. */
  let setAsideMark: string | undefined;
  let isUnreadable = false;
  let isOpen = false;
  let again: NodeJS.Timeout | undefined;
  let changes: Change<Config>[] = [];
  let writing: Promise<void> | undefined;
  let keeping: Promise<void> | undefined;
  let isKept = true;
  const followingEnds = Promise.withResolvers<void>();
  let isFollowing = true;
  let isClosed = false;

  // ---- reading

  function look(): Reading {
    if (path === undefined) return 'settled';
    try {
      const reading = take(path, readRegistryFile(path));
      if (reading === 'settled') clearTimeout(again);
      else lookLater(reading === 'unsettled' ? lookAgainMs : readAgainMs);
      return reading;
    } catch (error) {
      return cannotBeRead(error instanceof Error ? error.message : String(error));
    }
  }

  function lookLater(afterMs: number): void {
    clearTimeout(again);
    if (!isFollowing) return;
    again = setTimeout(look, afterMs);
    again.unref();
  }

  function cannotBeRead(reason: string): Reading {
    if (!isUnreadable) warn(`${path} cannot be read: ${reason}. The ${plural} stay as they were.`);
    isUnreadable = true;
    lookLater(readAgainMs);
    return 'unreadable';
  }

  /** Puts the content of the file in force. */
  function take(file: string, content: FileContent): Reading {
    if (content.kind === 'unreadable') return cannotBeRead(content.reason);
    isUnreadable = false;
    if (content.kind === 'missing') {
      invalid = undefined;
      if (known === undefined) return 'settled';
      warn(
        `${file} was removed and is written again. To remove ${plural}, remove them one by one, or stop the server first.`,
      );
      restore(file);
      return 'settled';
    }
    if (content.kind === 'unusable') return judge(file, content.reason, content.mark);
    if (content.text === known) {
      invalid = undefined;
      return 'settled';
    }
    const parsed: ParsedFile<Config> = parseFile(content.text, kind, entries);
    if (parsed.kind === 'refused') return judge(file, parsed.reason, content.text);
    if (content.wasPublic)
      warn(`${file} was readable by other users; it contains secrets and should have the mode 600`);
    invalid = undefined;
    setAsideMark = undefined;
    known = content.text;
    ({ entries, form } = parsed);
    keepSoon();
    if (isOpen) onChange();
    return 'settled';
  }

  /** An invalid file is given time: an editor or a copy may not have finished. */
  function judge(file: string, reason: string, mark: string): Reading {
    const now = steadyNow();
    if (invalid?.mark !== mark) invalid = { mark, since: now };
    if (now - invalid.since < patienceMs) return 'unsettled';
    if (setAsideMark !== mark) {
      const aside = setAside(file, Date.now());
      warn(
        `${file} cannot be used: ${reason}. It was moved to ${aside}; the ${entries.size} ${plural} stay as they were.`,
      );
      setAsideMark = mark;
    }
    restore(file);
    invalid = undefined;
    setAsideMark = undefined;
    return 'settled';
  }

  /** Writes the entries in force back to the file. */
  function restore(file: string): void {
    const text = writeFile(entries, form, plural);
    restoreRegistryFile(file, text);
    known = text;
  }

  /** Waits while another program is writing the file. */
  async function whenSettled(): Promise<Reading> {
    const until = steadyNow() + longestWaitMs;
    for (;;) {
      const reading = look();
      if (reading !== 'unsettled' || steadyNow() >= until || !isFollowing) return reading;
      await Promise.race([sleep(lookAgainMs), followingEnds.promise]);
    }
  }

  // ---- writing

  async function writeChanges(): Promise<void> {
    // Collect the changes requested in this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    while (changes.length > 0) {
      const reading = await whenSettled();
      const batch = changes;
      changes = [];
      try {
        if (reading !== 'settled') throw unavailable(reading);
        await writeBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same step as the check above, so that no change is left waiting.
    writing = undefined;
  }

  async function writeBatch(batch: readonly Change<Config>[]): Promise<void> {
    for (;;) {
      const { next, settled } = apply(batch);
      if (next !== entries) {
        const text = writeFile(next, form, plural);
        const isDone =
          path === undefined || (await replaceRegistryFile(path, text, () => isStill(path, known)));
        // The file was edited meanwhile: apply the changes to its new content.
        if (!isDone) {
          const reading = await whenSettled();
          if (reading !== 'settled') throw unavailable(reading);
          continue;
        }
        known = path === undefined ? undefined : text;
        entries = next;
        keepSoon();
      }
      for (const settle of settled) settle();
      return;
    }
  }

  /** Applies the changes to the current entries. Returns the result, and what settles the callers' promises. */
  function apply(batch: readonly Change<Config>[]): {
    readonly next: Entries<Config>;
    readonly settled: readonly (() => void)[];
  } {
    let next: Map<string, RegistryEntry<Config>> | undefined;
    const settled: (() => void)[] = [];
    for (const { id, edit, resolve, reject } of batch) {
      try {
        const current = (next ?? entries).get(id);
        const raw = edit(current);
        if (raw === current?.raw) {
          settled.push(() => resolve(current));
          continue;
        }
        next ??= new Map(entries);
        const entry = raw === undefined ? undefined : readEntry(id, raw, kind, entries);
        if (entry === undefined) next.delete(id);
        else next.set(id, entry);
        settled.push(() => resolve(entry));
      } catch (error) {
        settled.push(() => reject(error));
      }
    }
    return { next: next ?? entries, settled };
  }

  function unavailable(reading: Reading): CodeBuddyError {
    const why = reading === 'unsettled' ? 'is being written by another program' : 'cannot be read';
    return new CodeBuddyError(
      'storage_unavailable',
      `${path} ${why}; nothing was changed. Try again later.`,
      { headers: { 'Retry-After': '2' } },
    );
  }

  // ---- the last valid list

  function keepSoon(): void {
    isKept = false;
    keeping ??= keepAll();
  }

  async function keepAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (!isKept) {
      isKept = true;
      await keep(JSON.stringify([...entries.values()].map(({ raw }) => raw)));
    }
    keeping = undefined;
  }

  // ---- from the start to the end

  const last = lastGood === undefined ? new Map() : readLastGood(lastGood, kind);
  let isComplete = true;
  if (path !== undefined) {
    const isThere = existsSync(path);
    // Without a file there are no entries; but the file may come back.
    if (isThere) entries = last;
    const reading = await whenSettled();
    const isMissing = !isThere && known === undefined && last.size > 0;
    isComplete = reading === 'settled' && !isMissing;
    if (isMissing)
      warn(`${path} is missing, so its ${last.size} ${plural} are not active. ${options.whileMissing}`);
  }
  const watching =
    path === undefined
      ? undefined
      : watchFile({
          path,
          warn,
          onChange() {
            watching?.follow();
            look();
          },
        });
  // The file may have changed between the first reading and the watch.
  look();
  isOpen = true;

  return {
    all: () => entries,
    isComplete,
    change(id, edit) {
      if (isClosed)
        return Promise.reject(
          new CodeBuddyError('shutting_down', `The server is stopping; the ${plural} cannot be changed.`),
        );
      return new Promise((resolve, reject) => {
        changes.push({ id, edit, resolve, reject });
        writing ??= writeChanges();
      });
    },
    stopFollowing() {
      isFollowing = false;
      followingEnds.resolve();
      clearTimeout(again);
      watching?.close();
    },
    async close() {
      isClosed = true;
      await writing;
      await keeping;
    },
  };
}

function isStill(path: string, known: string | undefined): boolean {
  const content = readRegistryFile(path);
  return content.kind === 'missing' ? known === undefined : content.kind === 'text' && content.text === known;
}

/** The text was written by this program; anything else is ignored. */
function readLastGood<Config>(text: string, kind: EntryKind<Config>): Entries<Config> {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? readEntries(list, kind, new Map()) : new Map();
  } catch {
    return new Map();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
