// The part of the store for undo: the changes of files that sessions made, the content of files before and after them,
// and the messages that an undo has hidden.

/** The content of a file. Rows are found by the hash, so equal contents are stored once. */
export interface FileImageRow {
  /** SHA-256 of the content (hex). */
  readonly hash: string;
  /** The content, compressed with deflate and encoded with base64. */
  readonly content: string;
  /** When it was last needed, Unix ms. */
  readonly usedAt: number;
}

/** A change of one file by a session. */
export interface FileChangeRow {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  /** Unix ms. */
  readonly createdAt: number;
  /** JSON object: the workspace, the cause, and the state before the change. */
  readonly details: string;
  /** JSON object: the state after the change. Null: the change has not ended, or its end is not known. */
  readonly after: string | null;
}

/** An undo that a redo can take back. */
export interface UndoRow {
  readonly id: string;
  readonly sessionId: string;
  /** Unix ms. */
  readonly createdAt: number;
  /** JSON object: the plan and the outcomes. */
  readonly details: string;
}

export type FileHistoryWrite =
  /** If it exists, only `usedAt` is changed. */
  | { readonly kind: 'putFileImage'; readonly image: FileImageRow }
  | { readonly kind: 'addFileChange'; readonly change: FileChangeRow }
  | { readonly kind: 'endFileChange'; readonly id: string; readonly after: string }
  | {
      readonly kind: 'putUndo';
      readonly undo: UndoRow;
      /** Fail with `session_busy` if the session has an unfinished run. @default false */
      readonly ifIdle?: boolean;
    }
  /** Messages, turns and file changes that no list has until `restoreUndo`. */
  | {
      readonly kind: 'hideUndone';
      readonly sessionId: string;
      readonly undoId: string;
      readonly ids: readonly string[];
    }
  /** Brings back what the undo has hidden, and removes it. */
  | { readonly kind: 'restoreUndo'; readonly id: string }
  /** Removes all undos of a session, with what they have hidden. */
  | { readonly kind: 'dropUndos'; readonly sessionId: string };

export interface FileHistoryStore {
  /** Oldest first by id; `afterId` is exclusive. Without those that an undo has hidden. */
  listChanges(
    sessionId: string,
    page: { readonly limit: number; readonly afterId?: string },
  ): Promise<readonly FileChangeRow[]>;
  getImage(hash: string): Promise<FileImageRow | undefined>;
  /** Those of the hashes whose content is stored. */
  knownImages(hashes: readonly string[]): Promise<ReadonlySet<string>>;
  /** Newest first. */
  listUndos(sessionId: string): Promise<readonly UndoRow[]>;
  /**
   * Deletes at most `max` rows of each kind that are older than `before`, and the contents that were not needed for the
   * longest time while all contents take more than `maxBytes`. Resolves to the number of rows.
   */
  prune(limits: {
    readonly before: number;
    readonly maxBytes: number;
    readonly max: number;
  }): Promise<number>;
}
