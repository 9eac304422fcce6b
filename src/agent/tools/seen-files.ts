// Remembers which version of a file each session has seen last. A session that read a file and then replaces it must
// not undo changes that others made since. Kept in memory: after a restart, and for calls without a session, every
// write is allowed.

/** Beyond this number, the oldest entries are dropped. */
const maxEntries = 10_000;

/** The files that one session has seen. `path` is the real path relative to the workspace. */
export interface SeenFiles {
  /** Call after the session has read this version or written the whole file. */
  saw(path: string, version: string): void;
  /** Call after the session has changed part of the file: it knows the new version if it knew the one before. */
  edited(path: string, before: string, after: string): void;
  versionOf(path: string): string | undefined;
}

export function createSeenFiles(): (sessionId: string | undefined) => SeenFiles {
  const versions = new Map<string, string>();

  function put(key: string, version: string): void {
    versions.delete(key);
    versions.set(key, version);
    if (versions.size > maxEntries) versions.delete(versions.keys().next().value as string);
  }

  return (sessionId) => {
    if (sessionId === undefined)
      return { saw: () => undefined, edited: () => undefined, versionOf: () => undefined };
    const keyOf = (path: string): string => `${sessionId}\0${path}`;
    return {
      saw: (path, version) => put(keyOf(path), version),
      edited(path, before, after) {
        if (versions.get(keyOf(path)) === before) put(keyOf(path), after);
      },
      versionOf: (path) => versions.get(keyOf(path)),
    };
  };
}
