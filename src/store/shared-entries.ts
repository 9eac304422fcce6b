// A registry as a table that nodes share: entries with a version, changed by compare-and-set.

export interface EntryRow {
  readonly id: string;
  /** The run that it belongs to; null for an entry of its own. */
  readonly runId: string | null;
  /** JSON text of the entry; null if it was removed. */
  readonly entry: string | null;
  /** Grows with each change of any entry, in the order of the commits. Never used twice. */
  readonly version: number;
}

export interface EntryChange {
  readonly id: string;
  readonly runId: string | null;
  /** Null removes the entry. */
  readonly entry: string | null;
  /** The version that the change was made from; undefined if the entry must not exist. */
  readonly expected: number | undefined;
}

export interface SharedEntryTable {
  /** The topic of `StoreFeed.onChange` for changes of entries. */
  readonly topic: string;
  /** The entries that changed after a version, in the order of their versions. From 0: all that exist. */
  entries(after: number): Promise<readonly EntryRow[]>;
  /**
   * Compare and set an entry. Resolves to its new version, or to undefined if another change came first; nothing is
   * changed then.
   * @throws CodeBuddyError as `Store.write`
   */
  change(change: EntryChange): Promise<number | undefined>;
}
