import type { BigIntStats } from 'node:fs';

/** Text that changes when a file is written or replaced by another one. */
export function versionOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}
