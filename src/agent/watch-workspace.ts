// Logs events for changed files. Changes by a tool are logged with its call, and the watcher ignores them.

import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoggedEvent } from '../contract/event.ts';
import type { EventLog } from '../events/event-log.ts';
import type { FileChange } from './file-watch/file-change.ts';
import { startFileWatcher } from './file-watch/file-watcher.ts';

export interface WorkspaceWatch {
  /** See `FileWatcher.hold`. */
  hold(path: string): (version: string | undefined) => void;
  close(): Promise<void>;
}

/** How many bytes at a file's end are searched for events: the file may be written from the event stream. */
const tailBytes = 65_536;
/** Files and folders whose last event is remembered. */
const maxRemembered = 10_000;

export function watchWorkspace({
  root,
  except,
  environment,
  log,
  warn,
  shownWorkspace,
}: {
  readonly root: string;
  /** The server's own files, as absolute paths. */
  readonly except: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Pick<EventLog, 'append'>;
  readonly warn: (message: string) => void;
  /** The workspace that the events name. @default none: they mean that of the server */
  readonly shownWorkspace?: string;
}): WorkspaceWatch {
  const complain = (error: unknown): void =>
    warn(`watching the workspace: ${error instanceof Error ? error.message : String(error)}`);
  /** The last event about a file, and about files created in a folder (with `/` at its end). */
  const lastEvents = new Map<string, Pick<LoggedEvent, 'id' | 'timestamp'>>();

  function remember(path: string, event: LoggedEvent): void {
    for (const key of event.type === 'file.create' ? [path, `${dirname(path)}/`] : [path]) {
      lastEvents.delete(key);
      lastEvents.set(key, event);
    }
    for (const key of lastEvents.keys()) {
      if (lastEvents.size <= maxRemembered) break;
      lastEvents.delete(key);
    }
  }

  /** Logs changes that came together in one commit. */
  async function tell(changes: readonly FileChange[]): Promise<void> {
    const events = await log.append(
      changes.map(({ change, path, bytes }) => ({
        type: `file.${change}` as const,
        data: {
          path,
          ...(bytes === undefined ? {} : { bytes }),
          ...(shownWorkspace === undefined ? {} : { workspace: shownWorkspace }),
        },
      })),
    );
    for (const [index, { path }] of changes.entries()) remember(path, events[index] as LoggedEvent);
  }

  /** True if the file contains the id of its last event, or the event's time as `events tail` prints it. */
  async function isEcho(path: string): Promise<boolean> {
    const events = [lastEvents.get(path), lastEvents.get(`${dirname(path)}/`)];
    const traces = events.flatMap((event) =>
      event === undefined ? [] : [event.id, event.timestamp.slice(11, 23)],
    );
    if (traces.length === 0) return false;
    const text = await readTail(join(root, path));
    return traces.some((trace) => text.includes(trace));
  }

  const watcher = startFileWatcher({
    root,
    except,
    environment,
    isEcho,
    onChanges: (changes) => void tell(changes).catch(complain),
    onError: complain,
  });
  return { hold: watcher.hold, close: () => watcher.close() };
}

async function readTail(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read({
        buffer: Buffer.alloc(Math.min(size, tailBytes)),
        position: Math.max(0, size - tailBytes),
      });
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // Deleted or unreadable: it shows no event.
    return '';
  }
}
