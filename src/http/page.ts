// The page type: one part of a list, as services return it.

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it as `after` to get the next page. Absent on the last page. */
  readonly next?: string;
}
