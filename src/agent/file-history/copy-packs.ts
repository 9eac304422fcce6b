// The contents of many files in few files: a write for each small file would cost more than reading it. A pack is
// removed when none of its copies is needed any more.

import { closeSync, openSync, writeSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface Copy {
  readonly pack: Pack;
  readonly offset: number;
  readonly bytes: number;
}

interface Pack {
  readonly path: string;
  bytes: number;
  neededBytes: number;
}

export interface PackWriter {
  /** Undefined if the disk takes no more. `onLost` is called if the copy could not be written after all. */
  add(content: Buffer, onLost: () => void): Copy | undefined;
  /** Writes what is left. The copies can be read from now on. */
  end(): void;
}

export interface CopyPacks {
  /** Of all copies that are needed. */
  readonly neededBytes: number;
  /** A new pack, which is not created before the first copy. */
  write(folder: string): PackWriter;
  /** Undefined if it cannot be read. */
  read(copy: Copy): Promise<Buffer | undefined>;
  /** The copy is not needed any more. */
  release(copy: Copy): Promise<void>;
  /** True if most of the copy's pack is not needed, so it should be copied again to free the pack. */
  isWasteful(copy: Copy): boolean;
}

const bytesPerWrite = 1024 * 1024;

export function createCopyPacks(): CopyPacks {
  let next = 0;
  let neededBytes = 0;

  return {
    get neededBytes() {
      return neededBytes;
    },
    write(folder) {
      const pack: Pack = { path: join(folder, String(next++)), bytes: 0, neededBytes: 0 };
      let file: number | undefined;
      let contents: Buffer[] = [];
      let lost: (() => void)[] = [];
      let waiting = 0;
      let hasFailed = false;

      function flush(): void {
        if (waiting === 0) return;
        try {
          file ??= openSync(pack.path, 'wx', 0o600);
          const all = Buffer.concat(contents, waiting);
          for (let done = 0; done < all.length; ) done += writeSync(file, all, done);
        } catch (error) {
          if (!(error instanceof Error && 'code' in error)) throw error;
          hasFailed = true;
          neededBytes -= waiting;
          pack.neededBytes -= waiting;
          for (const tell of lost) tell();
        }
        contents = [];
        lost = [];
        waiting = 0;
      }

      return {
        add(content, onLost) {
          if (hasFailed) return undefined;
          const copy = { pack, offset: pack.bytes, bytes: content.length };
          pack.bytes += content.length;
          pack.neededBytes += content.length;
          neededBytes += content.length;
          contents.push(content);
          lost.push(onLost);
          waiting += content.length;
          if (waiting >= bytesPerWrite) flush();
          return copy;
        },
        end() {
          flush();
          if (file !== undefined) closeSync(file);
        },
      };
    },
    async read({ pack, offset, bytes }) {
      if (bytes === 0) return Buffer.alloc(0);
      try {
        await using file = await open(pack.path);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
        return bytesRead === bytes ? buffer : undefined;
      } catch {
        return undefined;
      }
    },
    async release({ pack, bytes }) {
      neededBytes -= bytes;
      pack.neededBytes -= bytes;
      if (pack.neededBytes === 0) await rm(pack.path, { force: true });
    },
    isWasteful: ({ pack }) => pack.neededBytes < pack.bytes / 2,
  };
}
