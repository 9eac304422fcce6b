/** A change of one file. */
export interface FileChange {
  readonly change: 'create' | 'modify' | 'delete';
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** The file's size in bytes; absent for a deleted file. */
  readonly bytes?: number;
}
