// The bytes that prompts carry: kept as they are, counted, and pruned by age.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FileRow } from '../../src/store/file-store.ts';
import type { Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';

function file(id: string, data: Uint8Array, createdAt: number): FileRow {
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { id, name: `${id}.bin`, mediaType: 'image/png', size: data.length, sha256, createdAt, data };
}

const put = (row: FileRow): Write => ({ kind: 'putFile', file: row });

describe.each(stores)('$name', ({ open }) => {
  test('a file is read back byte for byte, deleted, and pruned with those that are older', async () => {
    const store = await open();
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256);
    const rows = [
      file('fil_a', bytes, 1000),
      file('fil_b', new Uint8Array(), 2000),
      file('fil_c', bytes, 3000),
    ];
    await store.write(rows.map(put));
    const { data, ...facts } = rows[0] as FileRow;
    expect(await store.files.find('fil_a')).toEqual(facts);
    const read = await store.files.read('fil_a');
    expect({ ...read, data: undefined }).toEqual({ ...facts, data: undefined });
    expect(Buffer.compare(read?.data ?? new Uint8Array(), data)).toBe(0);
    expect(await store.files.read('fil_none')).toBeUndefined();
    expect(await store.files.totalSize()).toBe(600_000);

    await store.write([{ kind: 'deleteFile', id: 'fil_c' }]);
    expect(await store.files.find('fil_c')).toBeUndefined();
    expect(await store.files.prune(2000, 10)).toBe(1);
    expect([await store.files.find('fil_a'), (await store.files.read('fil_b'))?.size]).toEqual([
      undefined,
      0,
    ]);
  });
});
