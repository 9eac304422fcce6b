// Changes of files by anyone, as events. What a tool changes it tells itself, with its call; the watcher is told to be silent about it.

import type { EventLog } from '../events/event-log.ts';
import { type FileChange, startFileWatcher } from './file-watch/file-watcher.ts';

export interface WorkspaceWatch {
  /** A tool has just changed this file, and tells of it. */
  note(path: string): void;
  close(): Promise<void>;
}

export function watchWorkspace({
  root,
  except,
  log,
  warn,
}: {
  readonly root: string;
  /** What this server writes itself, as absolute paths. */
  readonly except: readonly string[];
  readonly log: Pick<EventLog, 'append'>;
  readonly warn: (message: string) => void;
}): WorkspaceWatch {
  const complain = (error: unknown): void =>
    warn(`changes of files cannot be watched: ${error instanceof Error ? error.message : String(error)}`);

  /** One commit for all that changed together. */
  async function tell(changes: readonly FileChange[]): Promise<void> {
    await log.append(
      changes.map(({ change, path, bytes }) => ({
        type: `file.${change}` as const,
        data: { path, ...(bytes === undefined ? {} : { bytes }) },
      })),
    );
  }

  const watcher = startFileWatcher({
    root,
    except,
    onChanges: (changes) => void tell(changes).catch(complain),
    onError: complain,
  });
  return {
    note: (path) => void watcher.note(path).catch(complain),
    close: () => watcher.close(),
  };
}
