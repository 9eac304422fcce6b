// Which version of a file each session has seen last. A session that read a file and writes it as a whole must not undo what others
// changed since. Kept in memory: after a restart, and for calls without a session, nothing is known and every write is allowed.

/** Older knowledge is forgotten first. */
const maxEntries = 10_000;

/** What one session has seen. `path` is the real path relative to the workspace. */
export interface SeenFiles {
  /** The session has seen this version: it read it or wrote it as a whole. */
  saw(path: string, version: string): void;
  /** The session changed part of it: it knows the new version if it knew the one before. */
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
