// Takes down what sessions change in the workspace, so that it can be shown and undone. A tool that writes a file gives
// its state before the change, which is stored before the file is changed. Other programs (commands, MCP servers, other
// agents) may change any file: workspace-copies.ts compares the files before and after them.

import type { Store, Write } from '../../store/store.ts';
import { type FileState, missing, type SeenState, sameState } from '../tools/workspace/file-state.ts';
import type { FileRecorder } from '../tools/workspace/write-files.ts';
import type { Workspace } from '../tools/workspace.ts';
import { type ChangeOwner, newChangeRow, type Place, placeOfFolder } from './change-record.ts';
import { imageWrite } from './images.ts';
import {
  createWorkspaceCopies,
  isSameVersion,
  type KnownFile,
  type Snapshot,
  type WorkspaceCopies,
} from './workspace-copies.ts';

export interface FileHistory {
  readonly place: Place;
  /** Takes down the changes of one call of a tool. */
  recordCall(owner: ChangeOwner): CallRecord;
  /** Called before a program runs that may change any file. Never rejects. */
  watchProgram(owner: ChangeOwner): Promise<ProgramRecord>;
  close(): Promise<void>;
}

export interface CallRecord extends FileRecorder {
  /** The ends of the changes, for the commit that ends the call. */
  takeWrites(): readonly Write[];
}

export interface ProgramRecord {
  /** Stores what has changed since. Never rejects. */
  end(): Promise<void>;
}

export interface FileHistoryOptions {
  readonly store: Pick<Store, 'write' | 'fileHistory'>;
  readonly workspace: Workspace;
  /** The server's own files, as absolute paths. */
  readonly ownFiles: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stateFolder: string | undefined;
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

/** Contents in one commit. */
const bytesPerCommit = 4 * 1024 * 1024;

export function createFileHistory(options: FileHistoryOptions): FileHistory {
  const { store, workspace, maxFileBytes, now, warn } = options;
  const place = placeOfFolder(workspace.root);
  let copies: WorkspaceCopies | undefined;
  /** Files that tools have written while programs run, with the states that they left. */
  const written = new Map<string, FileState>();
  let programs = 0;

  async function begin(
    owner: ChangeOwner,
    { path, before, newFolders }: { path: string; before: SeenState; newFolders: number },
  ): Promise<string> {
    const change = newChangeRow(owner, { path, place, before: before.state, newFolders }, now());
    const { state, content } = before;
    await store.write([
      ...(state.kind === 'file' && state.hash !== undefined && content !== undefined
        ? [await imageWrite(state.hash, content, now())]
        : []),
      { kind: 'addFileChange', change },
    ]);
    return change.id;
  }

  async function recordProgram(
    owner: ChangeOwner,
    { files, folders, isComplete }: Snapshot,
    after: Snapshot,
    read: (file: KnownFile) => Promise<SeenState>,
  ): Promise<void> {
    const found: { path: string; before: KnownFile | undefined; after: KnownFile | undefined }[] = [];
    for (const [path, file] of after.files) {
      const before = files.get(path);
      // Files that an incomplete walk has not seen are not known to be new.
      if (before === undefined ? !isComplete : isSameVersion(before.version, file.version)) continue;
      found.push({ path, before, after: file });
    }
    if (after.isComplete)
      for (const [path, before] of files)
        if (!after.files.has(path)) found.push({ path, before, after: undefined });

    let writes: Write[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (writes.length > 0) await store.write(writes);
      writes = [];
      bytes = 0;
    };
    for (const { path, before, after: left } of found.sort((one, other) =>
      one.path < other.path ? -1 : 1,
    )) {
      const old: SeenState = before === undefined ? { state: missing } : await read(before);
      // The rules may ignore a file that is still there.
      const present = left?.state ?? (await workspace.readState(path, 0)).state;
      const state = left?.state ?? missing;
      if (left === undefined && present.kind !== 'missing') continue;
      if (sameState(old.state, state) || isOfTool(path, state)) continue;
      if (old.state.kind === 'file' && old.state.hash !== undefined && old.content !== undefined) {
        writes.push(await imageWrite(old.state.hash, old.content, now()));
        bytes += old.content.length;
      }
      const newFolders = before === undefined ? countNew(path, folders) : 0;
      const change = newChangeRow(owner, { path, place, before: old.state, newFolders, after: state }, now());
      writes.push({ kind: 'addFileChange', change });
      if (bytes > bytesPerCommit || writes.length > 500) await flush();
    }
    await flush();
  }

  /** A tool that ran at the same time has taken it down. */
  function isOfTool(path: string, state: FileState): boolean {
    const left = written.get(path);
    return left !== undefined && sameState(left, state);
  }

  function ended(): void {
    programs--;
    if (programs === 0) written.clear();
  }

  return {
    place,
    recordCall(owner) {
      let writes: Write[] = [];
      return {
        maxBytes: maxFileBytes,
        async begin({ realPath, before, newFolders }) {
          const id = await begin(owner, { path: realPath, before, newFolders });
          return (after) => {
            if (programs > 0) written.set(realPath, after);
            writes.push({ kind: 'endFileChange', id, after: JSON.stringify(after) });
          };
        },
        takeWrites() {
          const taken = writes;
          writes = [];
          return taken;
        },
      };
    },
    async watchProgram(owner) {
      programs++;
      const failed = (error: unknown): void => {
        const why = error instanceof Error ? error.message : String(error);
        warn(`the changes of ${owner.tool} cannot be undone: ${why}`);
      };
      copies ??= createWorkspaceCopies({
        root: workspace.root,
        except: options.ownFiles,
        environment: options.environment,
        stateFolder: options.stateFolder,
        maxFileBytes,
        maxTotalBytes: options.maxTotalBytes,
      });
      try {
        const watched = await copies.watch();
        return {
          async end() {
            try {
              await recordProgram(owner, watched.before, await watched.after(), watched.read);
            } catch (error) {
              failed(error);
            } finally {
              ended();
              await watched.end();
            }
          },
        };
      } catch (error) {
        failed(error);
        ended();
        return { end: async () => undefined };
      }
    },
    async close() {
      await copies?.close();
    },
  };
}

function countNew(path: string, folders: ReadonlySet<string>): number {
  let count = 0;
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (folders.has(path.slice(0, end))) break;
    count++;
  }
  return count;
}
