// Decides when the start of a tool call is committed. A call that can change something runs after the commit, so that no
// effect is without a record. One that changes nothing may run first; if it is quick, its start and its end share a
// commit.

export interface CallStart {
  /** Resolves when the tool may run. @throws the error of `append` */
  mayRun(): Promise<void>;
  /**
   * Call it when the tool has ended. Resolves to true if the start is committed, and to false if it must be committed
   * with the end. @throws the error of `append`
   */
  isCommitted(): Promise<boolean>;
}

/** How long a start may wait for the end of the call. Readers of the log see it that much later. */
const waitMs = 10;

/** `append` commits the start. */
export function createCallStart(append: () => Promise<unknown>, mayRunFirst: boolean): CallStart {
  let commit: Promise<unknown> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): Promise<unknown> {
    commit = append();
    return commit;
  }

  return {
    async mayRun() {
      if (mayRunFirst) {
        // `isCommitted` reports an error.
        timer = setTimeout(() => void begin().catch(() => undefined), waitMs);
      } else await begin();
    },
    async isCommitted() {
      clearTimeout(timer);
      await commit;
      return commit !== undefined;
    },
  };
}
