// A process that opens a store and holds it until it is killed or its stdin ends. With `append` it also appends without
// pause, four callers at a time, and prints a line for each acknowledged event.

import { makeId } from '../../src/base/ids.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const [path, mode] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: holder-process.ts DATABASE [append]');

let store: Awaited<ReturnType<typeof openSqliteStore>>;
try {
  store = await openSqliteStore({ path });
} catch (error) {
  process.stdout.write(`refused ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(3);
}
process.stdout.write('open\n');
process.stdin.on('end', () => process.exit(0)).resume();

async function appendForever(caller: number): Promise<void> {
  for (let n = 0; ; n++) {
    const size = 1 + ((n * 7 + caller) % 5);
    const ids = Array.from({ length: size }, () => makeId('evt'));
    const sequences = await store.write(
      ids.map((id, index) => ({
        kind: 'appendEvent',
        event: {
          id,
          type: 'error',
          timestamp: Date.now(),
          sessionId: null,
          runId: null,
          // Of different lengths, up to several pages.
          data: JSON.stringify({ id, group: ids, index, fill: 'x'.repeat((n * 131) % 9000) }),
        },
      })),
    );
    process.stdout.write(`${ids.map((id, index) => `${sequences[index]} ${id}`).join('\n')}\n`);
  }
}

if (mode === 'append') for (let caller = 0; caller < 4; caller++) void appendForever(caller);
