// Folders that the system does not watch, because its limit is reached. They are read from time to time instead.

export interface UnwatchedFolders {
  add(folder: string, error: unknown): void;
  delete(folder: string): void;
  close(): void;
}

export interface UnwatchedFoldersOptions {
  /** Time between two reads, in ms. */
  readonly pollMs: number;
  /** Reads the folders and reports what has changed. May call `delete`. */
  readonly read: (folders: ReadonlySet<string>) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export function createUnwatchedFolders({ pollMs, read, onError }: UnwatchedFoldersOptions): UnwatchedFolders {
  const folders = new Set<string>();
  let isWarned = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  /** A slow machine reads less often. */
  function poll(): void {
    const startedAt = performance.now();
    void read(folders).then(() => {
      timer = undefined;
      if (folders.size > 0 && !isClosed)
        timer = setTimeout(poll, Math.max(pollMs, 5 * (performance.now() - startedAt)));
    });
  }

  return {
    add(folder, error) {
      if (!isWarned) {
        const why = error instanceof Error ? error.message.replace(/, watch .*/, '') : String(error);
        onError(
          new Error(
            `the system cannot watch more folders, so some are checked only every ${pollMs / 1000} s: ${why}`,
          ),
        );
      }
      isWarned = true;
      folders.add(folder);
      timer ??= setTimeout(poll, pollMs);
    },
    delete: (folder) => void folders.delete(folder),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
