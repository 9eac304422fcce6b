// The registry that nodes share: a table of the store, and a copy of it in memory, which follows the changes of all nodes.
// A change is applied to the entry that it was made from: if another node changed it meanwhile, it is applied again.

import { CodeBuddyError } from '../base/errors.ts';
import type { EntryRow, SharedEntryTable } from '../store/shared-entries.ts';
import type { StoreFeed } from '../store/store.ts';
import type { Registry } from './registry.ts';
import { type EntryKind, type RegistryEntry, readEntry } from './registry-entries.ts';

export interface SharedRegistry<Config> extends Registry<Config> {
  /** The entries that belong to a run, with the run. */
  runEntries(): ReadonlyMap<string, RunEntry<Config>>;
  /** As `change`, for an entry of a run. */
  changeOfRun(
    id: string,
    runId: string,
    edit: (current: RegistryEntry<Config> | undefined) => unknown,
  ): Promise<RegistryEntry<Config> | undefined>;
  /** Resolves when all changes that were committed before the call are in the copy. */
  refresh(): Promise<void>;
}

export interface RunEntry<Config> {
  readonly runId: string;
  readonly entry: RegistryEntry<Config>;
}

export interface SharedRegistryOptions<Config> {
  readonly table: SharedEntryTable;
  readonly feed: StoreFeed;
  readonly kind: EntryKind<Config>;
  /** Called with the ids of the entries that were changed, by this node or another one. */
  readonly onChange: (ids: readonly string[]) => void;
  readonly warn: (message: string, error?: unknown) => void;
}

/** Another node that changes the same entry all the time is not waited for longer. */
const maxTries = 20;
const retryAfterMs = 250;

/** @throws the errors of the store */
export async function openSharedRegistry<Config>({
  table,
  feed,
  kind,
  onChange,
  warn,
}: SharedRegistryOptions<Config>): Promise<SharedRegistry<Config>> {
  const entries = new Map<string, RegistryEntry<Config>>();
  const runEntries = new Map<string, RunEntry<Config>>();
  /** Also of removed entries, until the reading has passed their removal. */
  const versions = new Map<string, number>();
  /** All changes up to this version were read. */
  let read = 0;
  let reading: Promise<unknown> = Promise.resolve();
  let queued: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  function put({ id, runId, entry, version }: EntryRow): void {
    versions.set(id, version);
    if (entry === null) {
      entries.delete(id);
      runEntries.delete(id);
      return;
    }
    const readable = readEntry(id, parseJson(entry), kind, entries);
    if (runId === null) entries.set(id, readable);
    else runEntries.set(id, { runId, entry: readable });
  }

  async function readChanges(): Promise<void> {
    const changed: string[] = [];
    for (const row of await table.entries(read)) {
      read = Math.max(read, row.version);
      if (row.version > (versions.get(row.id) ?? 0)) {
        put(row);
        changed.push(row.id);
      }
      if (row.entry === null) versions.delete(row.id);
    }
    if (changed.length > 0) onChange(changed);
  }

  /** A reading that begins after the call. */
  function refresh(): Promise<void> {
    queued ??= reading
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        const done = readChanges();
        reading = done;
        return done;
      });
    return queued;
  }

  function follow(): void {
    clearTimeout(retry);
    if (isClosed) return;
    refresh().catch((error: unknown) => {
      if (isClosed) return;
      warn(`the ${kind.plural} in the database cannot be read; they stay as they were`, error);
      retry = setTimeout(follow, retryAfterMs).unref();
    });
  }

  async function change(
    id: string,
    runId: string | null,
    edit: (current: RegistryEntry<Config> | undefined) => unknown,
  ): Promise<RegistryEntry<Config> | undefined> {
    const find = (): RegistryEntry<Config> | undefined =>
      runId === null ? entries.get(id) : runEntries.get(id)?.entry;
    for (let tries = 1; ; tries++) {
      if (isClosed)
        throw new CodeBuddyError(
          'shutting_down',
          `The server is stopping; the ${kind.plural} cannot be changed.`,
        );
      const current = find();
      const raw = edit(current);
      if (raw === current?.raw) return current;
      const entry = raw === undefined ? null : JSON.stringify(raw);
      const expected = current === undefined ? undefined : versions.get(id);
      const version = await table.change({ id, runId, entry, expected });
      if (version !== undefined) {
        if (version > (versions.get(id) ?? 0)) {
          put({ id, runId, entry, version });
          onChange([id]);
        }
        return find();
      }
      if (tries === maxTries)
        throw new CodeBuddyError('storage_unavailable', `${id} is being changed by other nodes. Try again.`, {
          headers: { 'Retry-After': '2' },
        });
      await refresh();
    }
  }

  const stopFeed = feed.onChange(table.topic, follow);
  await refresh();

  return {
    all: () => entries,
    runEntries: () => runEntries,
    isComplete: true,
    change: (id, edit) => change(id, null, edit),
    changeOfRun: (id, runId, edit) => change(id, runId, edit),
    refresh,
    stopFollowing() {
      stopFeed();
      clearTimeout(retry);
    },
    async close() {
      isClosed = true;
      stopFeed();
      clearTimeout(retry);
      await reading.catch(() => undefined);
    },
  };
}

/** Text that is not JSON was written by hand; the entry is refused. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
