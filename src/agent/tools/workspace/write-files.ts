// Writes files of the workspace: one writer per file at a time, into an open and verified folder, after every check has
// passed.

import type { Stats } from 'node:fs';
import { type FileHandle, lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inFileQueue } from '../file-queue.ts';
import { versionOf } from '../file-version.ts';
import { type Expected, type Replaced, replaceFile } from '../replace-file.ts';
import { errnoOf } from '../system-errors.ts';
import type { Bounds } from './bounds.ts';
import type { FileDenyRules } from './file-deny-rules.ts';
import { type FileState, hashOf, readState, type SeenState } from './file-state.ts';
import type { VerifiedOpener } from './open-verified.ts';
import { denied, failed, quotePath } from './path-errors.ts';
import type { RealPaths } from './real-paths.ts';

export interface WrittenFile extends Replaced {
  /** The real path, relative to the root, with links followed. */
  readonly realPath: string;
}

export interface WriteOptions {
  /** The version of the file that the caller has seen last, if any. */
  readonly versionOf?: (realPath: string) => string | undefined;
  /**
   * Called with the real path, relative to the root, before anything is written or created. Throws to refuse the write.
   */
  readonly check?: ((realPath: string) => void) | undefined;
  /**
   * Called for a file with other names (hard links). Returns true if they may get the new content; otherwise the
   * written name gets its own file.
   */
  readonly mayShare?: ((stats: Stats) => Promise<boolean>) | undefined;
  /** Called with the real path right before the file is changed. */
  readonly beforeWrite?: (realPath: string) => void;
  /** Keeps the state of the file before the change. */
  readonly record?: FileRecorder | undefined;
  readonly signal?: AbortSignal;
}

/** Takes down a change of a file, so that it can be undone. */
export interface FileRecorder {
  /** Files of more bytes are given without their content. */
  readonly maxBytes: number;
  /** Called before the file is changed. The change waits for it. Called again with the state that was left. */
  begin(file: {
    readonly realPath: string;
    readonly before: SeenState;
    /** How many folders are created for the file. */
    readonly newFolders: number;
  }): Promise<(after: FileState) => void>;
}

export interface FileWriter {
  /** See `Workspace.writeFile`. `pinned`: the real path that the write was allowed for; any if undefined. */
  writeFile(
    path: string,
    content: string | Buffer,
    options: WriteOptions | undefined,
    pinned?: string,
  ): Promise<WrittenFile>;
  /** See `Workspace.changeFile`. */
  changeFile(
    path: string,
    change: (handle: FileHandle) => Promise<{ readonly before: Buffer; readonly after: Buffer }>,
    options: Omit<WriteOptions, 'versionOf'> | undefined,
    pinned?: string,
  ): Promise<WrittenFile & { readonly versionBefore: string }>;
}

/** The conditions under which a file is written. */
interface Conditions extends Pick<WriteOptions, 'check' | 'mayShare' | 'record'> {
  /** The real path when the write was allowed. */
  readonly pinned: string | undefined;
}

export function createFileWriter(
  { root, relative: inWorkspace }: Bounds,
  { realFile, realTarget, identify }: RealPaths,
  { openFile, openParent }: VerifiedOpener,
  denyRules: FileDenyRules | undefined,
): FileWriter {
  async function replaceIn(
    path: string,
    content: Buffer,
    { pinned, check, mayShare, record }: Conditions,
    expect: (realPath: string) => Expected,
  ): Promise<WrittenFile> {
    const target = await realTarget(path);
    // Checked once before folders are created for a write that is refused anyway.
    if (check !== undefined) check((await realFile(path)).path ?? inWorkspace(target));
    const { handle, at, real, newFolders } = await openParent(target, path);
    try {
      const name = basename(target);
      const realPath = inWorkspace(join(real, name));
      check?.(realPath);
      if (pinned !== undefined && realPath !== pinned)
        throw failed(
          path,
          `leads to ${quotePath(realPath)} now, not to ${quotePath(pinned)} as when it was allowed`,
        );
      const stats = await lstat(join(at, name)).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (denyRules !== undefined && !(await denyRules.mayWrite(root, realPath, stats)))
        throw denied(path, 'written');
      const hasLinks = stats?.isFile() === true && stats.nlink > 1;
      const keepsLinks = !hasLinks || mayShare === undefined || (await mayShare(stats));
      const before = record && (await readState(at, name, record.maxBytes));
      const recorded = before && (await record.begin({ realPath, before, newFolders }));
      try {
        const replaced = await replaceFile({
          folder: at,
          name,
          path,
          content,
          keepsLinks,
          expected: expect(realPath),
        });
        recorded?.(await writtenState(at, name, content));
        return { ...replaced, realPath };
      } catch (error) {
        if (before !== undefined) recorded?.(before.state);
        throw error;
      }
    } finally {
      await handle.close();
    }
  }

  return {
    writeFile: (
      path,
      content,
      { versionOf: seenOf, beforeWrite, signal, check, mayShare, record } = {},
      pinned,
    ) =>
      inFileQueue(
        () => identify(path),
        signal,
        () =>
          replaceIn(path, Buffer.from(content), { pinned, check, mayShare, record }, (realPath) => {
            beforeWrite?.(realPath);
            const version = seenOf?.(realPath);
            return version === undefined ? { kind: 'anything' } : { kind: 'version', version };
          }),
      ),
    changeFile: (path, change, { beforeWrite, signal, check, mayShare, record } = {}, pinned) =>
      inFileQueue(
        () => identify(path),
        signal,
        async () => {
          const handle = await openFile(path);
          try {
            const versionBefore = versionOf(await handle.stat({ bigint: true }));
            const { before, after } = await change(handle);
            signal?.throwIfAborted();
            const written = await replaceIn(path, after, { pinned, check, mayShare, record }, (realPath) => {
              beforeWrite?.(realPath);
              return { kind: 'content', handle, bytes: before };
            });
            return { ...written, versionBefore };
          } finally {
            await handle.close();
          }
        },
      ),
  };
}

/** The state that a write has left: its own content, whoever writes next. */
async function writtenState(folder: string, name: string, content: Buffer): Promise<FileState> {
  const mode = await lstat(join(folder, name)).then(
    (stats) => stats.mode & 0o7777,
    () => 0o644,
  );
  return { kind: 'file', bytes: content.length, mode, hash: hashOf(content) };
}
