// The webhooks there are, kept in webhooks.json. Edits by hand are taken up while running. Changes that are asked for together are written
// together, each made to what the file holds at that moment, so no change undoes another one. A file that cannot be read as a list for
// two seconds is kept under another name, and what was in force stays in force.

import { existsSync } from 'node:fs';
import { CodeBuddyError } from '../base/errors.ts';
import { watchFile } from './file-watch.ts';
import {
  type Entries,
  type FileForm,
  type ParsedFile,
  type ParseEntry,
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

export interface RegistryOptions {
  /** webhooks.json; undefined keeps the registry in memory alone. */
  readonly path: string | undefined;
  readonly parse: ParseEntry;
  /** The last good list, from the store: used when the file is unusable at the start. */
  readonly lastGood: string | undefined;
  /** Keeps the last good list. Called again only when it has resolved; must not reject. */
  readonly keep: (text: string) => Promise<unknown>;
  /** An edit by hand has changed the set. */
  readonly onChange: () => void;
  readonly warn: (message: string) => void;
  /** Steady time in ms, by which an unusable file is given time to become usable. @default performance.now */
  readonly now?: () => number;
}

export interface Registry {
  all(): Entries;
  /** False: the file was missing or could not be read at the start, so a webhook that is not here may come back. */
  readonly isComplete: boolean;
  /**
   * Writes the entry that `make` makes of the current one, or removes it for undefined. Resolves when it is on the disk. What `make` throws
   * rejects this change alone.
   * @throws CodeBuddyError `storage_unavailable`, or what the disk says; nothing is changed then
   */
  change(
    id: string,
    make: (current: RegistryEntry | undefined) => unknown,
  ): Promise<RegistryEntry | undefined>;
  close(): Promise<void>;
}

interface Change {
  readonly id: string;
  readonly make: (current: RegistryEntry | undefined) => unknown;
  readonly resolve: (entry: RegistryEntry | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** `settled`: what the file holds is known and in force. `unsettled`: someone may be writing it. */
type FileState = 'settled' | 'unsettled' | 'unreadable';

/** How long a file may make no sense since it was last changed: whoever writes it may not be done. */
const patienceMs = 2000;
const lookAgainMs = 100;
const readAgainMs = 1000;
/** A file that never stops changing must not hold up the start or a request for ever. */
const longestWaitMs = 10_000;

export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { path, parse, lastGood, keep, onChange, warn, now: steadyNow = () => performance.now() } = options;
  let entries: Entries = new Map();
  let form: FileForm = { kind: 'array' };
  /** What the file holds as far as is known. */
  let known: string | undefined;
  /** What makes no sense in the file, and since when. */
  let puzzle: { readonly mark: string; readonly since: number } | undefined;
  /** What was set aside already; only the good list could not be written yet. */
  let condemned: string | undefined;
  let isUnreadable = false;
  let isOpen = false;
  let again: NodeJS.Timeout | undefined;
  let changes: Change[] = [];
  let writing: Promise<void> | undefined;
  let keeping: Promise<void> | undefined;
  let isKept = true;
  const closing = Promise.withResolvers<void>();
  let isClosed = false;

  // ---- reading

  function look(): FileState {
    if (path === undefined) return 'settled';
    try {
      const state = take(path, readRegistryFile(path));
      if (state === 'settled') clearTimeout(again);
      else lookLater(state === 'unsettled' ? lookAgainMs : readAgainMs);
      return state;
    } catch (error) {
      return cannotBeRead(error instanceof Error ? error.message : String(error));
    }
  }

  function lookLater(afterMs: number): void {
    clearTimeout(again);
    if (isClosed) return;
    again = setTimeout(look, afterMs);
    again.unref();
  }

  function cannotBeRead(reason: string): FileState {
    if (!isUnreadable) warn(`${path} cannot be read: ${reason}. What was in force stays in force.`);
    isUnreadable = true;
    lookLater(readAgainMs);
    return 'unreadable';
  }

  /** Takes the file as it is. */
  function take(file: string, content: FileContent): FileState {
    if (content.kind === 'unreadable') return cannotBeRead(content.reason);
    isUnreadable = false;
    if (content.kind === 'missing') {
      puzzle = undefined;
      if (known === undefined) return 'settled';
      warn(`${file} was removed; it is written again. Remove webhooks one by one, or stop the server first.`);
      restore(file);
      return 'settled';
    }
    if (content.kind === 'unusable') return judge(file, content.reason, content.mark);
    if (content.text === known) {
      puzzle = undefined;
      return 'settled';
    }
    const parsed: ParsedFile = parseFile(content.text, parse, entries);
    if (parsed.kind === 'refused') return judge(file, parsed.reason, content.text);
    if (content.wasPublic) warn(`${file} could be read by others; it holds secrets, so that was changed`);
    puzzle = undefined;
    condemned = undefined;
    known = content.text;
    ({ entries, form } = parsed);
    keepSoon();
    if (isOpen) onChange();
    return 'settled';
  }

  /** A file that makes no sense is given time: an editor or a copy may be in the middle of it. */
  function judge(file: string, reason: string, mark: string): FileState {
    const now = steadyNow();
    if (puzzle?.mark !== mark) puzzle = { mark, since: now };
    if (now - puzzle.since < patienceMs) return 'unsettled';
    if (condemned !== mark) {
      const aside = setAside(file, Date.now());
      warn(
        `${file} cannot be used: ${reason}. It was moved to ${aside}; the ${entries.size} webhooks that were in force stay in force.`,
      );
      condemned = mark;
    }
    restore(file);
    puzzle = undefined;
    condemned = undefined;
    return 'settled';
  }

  /** Puts what is in force back into the file. */
  function restore(file: string): void {
    const text = writeFile(entries, form);
    restoreRegistryFile(file, text);
    known = text;
  }

  /** Waits while someone is writing the file. */
  async function whenSettled(): Promise<FileState> {
    const until = steadyNow() + longestWaitMs;
    for (;;) {
      const state = look();
      if (state !== 'unsettled' || steadyNow() >= until || isClosed) return state;
      await Promise.race([sleep(lookAgainMs), closing.promise]);
    }
  }

  // ---- writing

  async function writeChanges(): Promise<void> {
    // Those that are asked for in this turn of the event loop come with it.
    await new Promise((resolve) => setImmediate(resolve));
    while (changes.length > 0) {
      const state = await whenSettled();
      const batch = changes;
      changes = [];
      try {
        if (state !== 'settled') throw unavailable(state);
        await writeBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same step as the check above, so that no change is left behind.
    writing = undefined;
  }

  async function writeBatch(batch: readonly Change[]): Promise<void> {
    for (;;) {
      const { next, settled } = apply(batch);
      if (next !== entries) {
        const text = writeFile(next, form);
        const isDone =
          path === undefined || (await replaceRegistryFile(path, text, () => isStill(path, known)));
        // Someone edited the file meanwhile: the changes are made to that.
        if (!isDone) {
          const state = await whenSettled();
          if (state !== 'settled') throw unavailable(state);
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

  /** Makes the changes to what is current, and says how to answer those who asked for them. */
  function apply(batch: readonly Change[]): {
    readonly next: Entries;
    readonly settled: readonly (() => void)[];
  } {
    let next: Map<string, RegistryEntry> | undefined;
    const settled: (() => void)[] = [];
    for (const { id, make, resolve, reject } of batch) {
      try {
        const current = (next ?? entries).get(id);
        const raw = make(current);
        if (raw === current?.raw) {
          settled.push(() => resolve(current));
          continue;
        }
        next ??= new Map(entries);
        const entry = raw === undefined ? undefined : readEntry(id, raw, parse, entries);
        if (entry === undefined) next.delete(id);
        else next.set(id, entry);
        settled.push(() => resolve(entry));
      } catch (error) {
        settled.push(() => reject(error));
      }
    }
    return { next: next ?? entries, settled };
  }

  function unavailable(state: FileState): CodeBuddyError {
    const why = state === 'unsettled' ? 'is being written by someone else' : 'cannot be read';
    return new CodeBuddyError(
      'storage_unavailable',
      `${path} ${why}; nothing was changed. Try again later.`,
      { headers: { 'Retry-After': '2' } },
    );
  }

  // ---- the last good list

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

  const last = lastGood === undefined ? new Map() : readLastGood(lastGood, parse);
  let isComplete = true;
  if (path !== undefined) {
    const isThere = existsSync(path);
    // Without a file there are no webhooks; but whoever took it away may put it back.
    if (isThere) entries = last;
    const state = await whenSettled();
    const isMissing = !isThere && known === undefined && last.size > 0;
    isComplete = state === 'settled' && !isMissing;
    if (isMissing)
      warn(
        `${path} is missing, so the ${last.size} webhooks that were in it are not in force. What was pending for them waits: put the file back, or remove them through the API.`,
      );
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
  // What was changed between the first look and the watch.
  look();
  isOpen = true;

  return {
    all: () => entries,
    isComplete,
    change(id, make) {
      if (isClosed)
        return Promise.reject(new CodeBuddyError('shutting_down', 'The webhook engine is closed.'));
      return new Promise((resolve, reject) => {
        changes.push({ id, make, resolve, reject });
        writing ??= writeChanges();
      });
    },
    async close() {
      isClosed = true;
      closing.resolve();
      clearTimeout(again);
      watching?.close();
      await writing;
      await keeping;
    },
  };
}

function isStill(path: string, known: string | undefined): boolean {
  const content = readRegistryFile(path);
  return content.kind === 'missing' ? known === undefined : content.kind === 'text' && content.text === known;
}

/** It was written by this program; a store that holds something else is of no use here. */
function readLastGood(text: string, parse: ParseEntry): Entries {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? readEntries(list, parse, new Map()) : new Map();
  } catch {
    return new Map();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
