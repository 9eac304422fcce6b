export interface FileChange {
  readonly change: 'create' | 'modify' | 'delete';
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** Absent for what was deleted. */
  readonly bytes?: number;
}
