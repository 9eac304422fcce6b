// A server that cannot start prints one line that names the file, and exits with the documented code: as root, for whom
// file permissions do not apply, and as an ordinary user.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { program } from '../program.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
/** False in a folder that only root can read. */
const isReadable =
  !isRoot ||
  spawnSync(process.execPath, ['-e', 'fs.accessSync(process.argv[1])', program], { uid: nobody, gid: nobody })
    .status === 0;
if (!isReadable) console.warn('SKIPPED: tests as an ordinary user, who cannot read this folder');
/** `nobody`, or the user that runs the tests. */
const ordinary = isRoot && isReadable ? nobody : undefined;
/** The compile cache of the ordinary user, which may not write the cache of the user that runs the tests. */
let ordinaryCache: string | undefined;
beforeAll(() => {
  if (ordinary === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-compiled-'));
  chownSync(folder, ordinary, ordinary);
  ordinaryCache = folder;
  return () => rmSync(folder, { recursive: true, force: true });
});

interface Folder {
  readonly base: string;
  readonly home: string;
  readonly workspace: string;
}

interface Case {
  /** Creates the obstacle. */
  readonly prepare: (folder: Folder) => void | Promise<void>;
  /** Besides --home and --workspace. */
  readonly args?: (folder: Folder) => readonly string[];
  readonly env?: (folder: Folder) => Record<string, string>;
  /** Parts of the line: the file and its fault. */
  readonly says: (folder: Folder) => readonly string[];
  readonly code: 1 | 2;
}

const database = ({ home }: Folder): string => join(home, 'api', 'codebuddy.db');

/** A database with a few hundred events. */
async function fill(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  await store.close();
  const raw = new DatabaseSync(path);
  raw.exec('PRAGMA journal_mode = DELETE');
  raw.close();
}

function zero(path: string, from: number, to: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(to - from), 0, to - from, from);
  closeSync(file);
}

const cases: Readonly<Record<string, Case>> = {
  'config.json is a folder': {
    prepare: ({ home }) => void mkdirSync(join(home, 'api', 'config.json')),
    says: ({ home }) => [join(home, 'api', 'config.json'), 'it is a folder'],
    code: 2,
  },
  'config.json is a link to itself': {
    prepare: ({ home }) => symlinkSync(join(home, 'api', 'config.json'), join(home, 'api', 'config.json')),
    says: ({ home }) => [join(home, 'api', 'config.json'), 'symbolic link'],
    code: 2,
  },
  'config.json is zeroed': {
    prepare: ({ home }) => writeFileSync(join(home, 'api', 'config.json'), Buffer.alloc(64)),
    says: ({ home }) => [join(home, 'api', 'config.json'), 'is not JSON'],
    code: 2,
  },
  'the key file is a folder': {
    prepare: ({ home }) => void mkdirSync(join(home, 'api', 'api-key')),
    says: ({ home }) => [join(home, 'api', 'api-key'), 'it is a folder'],
    code: 1,
  },
  'the key file is empty': {
    prepare: ({ home }) => writeFileSync(join(home, 'api', 'api-key'), ''),
    says: ({ home }) => [join(home, 'api', 'api-key'), 'contains no API key'],
    code: 1,
  },
  'the key file is zeroed': {
    prepare: ({ home }) => writeFileSync(join(home, 'api', 'api-key'), Buffer.alloc(48)),
    says: ({ home }) => [join(home, 'api', 'api-key'), 'contains no API key'],
    code: 1,
  },
  'the config folder is a file': {
    prepare: ({ home }) => {
      rmSync(home, { recursive: true });
      writeFileSync(home, '');
    },
    says: ({ home }) => [home, 'is a file'],
    code: 2,
  },
  'the config folder lies in a file': {
    prepare: ({ base }) => writeFileSync(join(base, 'file'), ''),
    args: ({ base }) => ['--home', join(base, 'file/home')],
    says: ({ base }) => [join(base, 'file/home'), 'is a file'],
    code: 2,
  },
  'the workspace is missing': {
    prepare: ({ workspace }) => rmSync(workspace, { recursive: true }),
    says: ({ workspace }) => ['the workspace', workspace, 'does not exist'],
    code: 1,
  },
  'the workspace is a file': {
    prepare: ({ workspace }) => {
      rmSync(workspace, { recursive: true });
      writeFileSync(workspace, '');
    },
    says: ({ workspace }) => ['the workspace', workspace, 'is not a folder'],
    code: 1,
  },
  'the database is a folder': {
    prepare: (folder) => void mkdirSync(database(folder)),
    says: (folder) => [database(folder), 'is a folder'],
    code: 1,
  },
  'the database lies in a folder that is missing': {
    prepare: () => undefined,
    args: ({ base }) => ['--database', join(base, 'nowhere/x.db')],
    says: ({ base }) => [join(base, 'nowhere'), 'does not exist'],
    code: 1,
  },
  'the database lies in a file': {
    prepare: ({ base }) => writeFileSync(join(base, 'file'), ''),
    args: ({ base }) => ['--database', join(base, 'file/x.db')],
    says: ({ base }) => [join(base, 'file/x.db'), 'is a file, not a folder'],
    code: 1,
  },
  'the database is zeroed': {
    prepare: (folder) => writeFileSync(database(folder), Buffer.alloc(16_384)),
    says: (folder) => [database(folder), 'damaged'],
    code: 1,
  },
  'all pages of the database but the first are zeroed': {
    async prepare(folder) {
      await fill(database(folder));
      zero(database(folder), 4096, statSync(database(folder)).size);
    },
    says: (folder) => [database(folder), 'damaged'],
    code: 1,
  },
  'the first page of the database is zeroed behind its header': {
    async prepare(folder) {
      await fill(database(folder));
      zero(database(folder), 100, 4096);
    },
    says: (folder) => [database(folder), 'damaged'],
    code: 1,
  },
  'the database is text': {
    prepare: (folder) => writeFileSync(database(folder), 'not a database\n'.repeat(100)),
    says: (folder) => [database(folder), 'damaged'],
    code: 1,
  },
  'the lock of the database is a folder': {
    prepare: (folder) => void mkdirSync(`${database(folder)}.lock`),
    says: (folder) => [`${database(folder)}.lock`, 'is a folder'],
    code: 1,
  },
  'the write-ahead log of the database is a folder': {
    prepare: (folder) => void mkdirSync(`${database(folder)}-wal`),
    says: (folder) => [`${database(folder)}-wal`, 'is a folder'],
    code: 1,
  },
  'server.json is a folder': {
    prepare: ({ home }) => void mkdirSync(join(home, 'api', 'server.json')),
    says: ({ home }) => [join(home, 'api', 'server.json'), 'cannot be written', 'is a folder'],
    code: 1,
  },
  'the certificate authorities are missing': {
    prepare: () => undefined,
    env: ({ base }) => ({ CODEBUDDY_WEBHOOK_CA: join(base, 'none.pem') }),
    says: ({ base }) => [join(base, 'none.pem'), 'webhookCa', 'does not exist'],
    code: 1,
  },
};

/** Only where file permissions apply. */
const ordinaryCases: Readonly<Record<string, Case>> = {
  'config.json may not be read': {
    prepare: ({ home }) => {
      writeFileSync(join(home, 'api', 'config.json'), '{}');
      chmodSync(join(home, 'api', 'config.json'), 0);
    },
    says: ({ home }) => [join(home, 'api', 'config.json'), 'permission denied'],
    code: 2,
  },
  'the key file may not be read': {
    prepare: ({ home }) => {
      writeFileSync(join(home, 'api', 'api-key'), 'cbk_0123456789abcdef');
      chmodSync(join(home, 'api', 'api-key'), 0);
    },
    says: ({ home }) => [join(home, 'api', 'api-key'), 'permission denied'],
    code: 1,
  },
  'the config folder may not be written': {
    prepare: ({ home }) => chmodSync(join(home, 'api'), 0o500),
    says: ({ home }) => [join(home, 'api', 'api-key'), 'permission denied'],
    code: 1,
  },
  'the config folder cannot be created': {
    prepare: ({ base }) => {
      mkdirSync(join(base, 'closed'));
      chmodSync(join(base, 'closed'), 0o500);
    },
    args: ({ base }) => ['--home', join(base, 'closed/home')],
    says: ({ base }) => [join(base, 'closed/home'), 'permission denied'],
    code: 1,
  },
  'the database may not be read': {
    prepare: (folder) => {
      writeFileSync(database(folder), '');
      chmodSync(database(folder), 0o400);
      mkdirSync(join(folder.base, 'closed'));
      writeFileSync(join(folder.base, 'closed/x.db'), '');
      chmodSync(join(folder.base, 'closed'), 0o500);
    },
    args: ({ base }) => ['--database', join(base, 'closed/x.db')],
    says: ({ base }) => [join(base, 'closed/x.db'), 'permission denied'],
    code: 1,
  },
  'the workspace may not be entered': {
    prepare: ({ base, workspace }) => {
      mkdirSync(join(workspace, 'inner'));
      chmodSync(workspace, 0);
      writeFileSync(join(base, 'x'), '');
    },
    args: ({ workspace }) => ['--workspace', join(workspace, 'inner')],
    says: ({ workspace }) => ['the workspace', join(workspace, 'inner'), 'permission denied'],
    code: 1,
  },
};

function makeFolder(): Folder {
  const base = mkdtempSync(join(tmpdir(), 'codebuddy-start-'));
  onTestFinished(() => {
    openUp(base);
    rmSync(base, { recursive: true, force: true });
  });
  const folder = { base, home: join(base, 'home'), workspace: join(base, 'workspace') };
  for (const path of [join(folder.home, 'api'), folder.workspace])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  return folder;
}

/** Allows an ordinary user to remove it again. */
function openUp(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) openUp(join(path, entry.name));
}

function give(path: string, uid: number): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) give(join(path, entry.name), uid);
    else if (!entry.isSymbolicLink()) chownSync(join(path, entry.name), uid, uid);
  }
  chownSync(path, uid, uid);
}

function serve(
  { home, workspace }: Folder,
  args: readonly string[],
  env: Record<string, string>,
  uid: number | undefined,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const named = (flag: string, value: string): readonly string[] =>
    args.includes(flag) ? [] : [flag, value];
  const child = spawn(
    process.execPath,
    [
      program,
      'serve',
      '--port',
      '0',
      '--json',
      ...named('--home', home),
      ...named('--workspace', workspace),
      ...args,
    ],
    {
      cwd: '/',
      env: {
        PATH: process.env.PATH,
        CODEBUDDY_MODEL: 'offline',
        NODE_NO_WARNINGS: '1',
        NODE_COMPILE_CACHE: uid === undefined ? process.env.NODE_COMPILE_CACHE : ordinaryCache,
        HOME: home,
        ...env,
      },
      ...(uid === undefined ? {} : { uid, gid: uid }),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    // It started, which is the failure.
    if (stdout.includes('"url"')) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

async function check({ prepare, args, env, says, code }: Case, uid: number | undefined): Promise<void> {
  const folder = makeFolder();
  await prepare(folder);
  if (uid !== undefined) give(folder.base, uid);
  const ended = await serve(folder, args?.(folder) ?? [], env?.(folder) ?? {}, uid);
  const seen = JSON.stringify(ended);
  expect(ended.code, seen).toBe(code);
  // With --json, standard output has the error as one document.
  expect(JSON.parse(ended.stdout), seen).toMatchObject({ error: { exitCode: code } });
  for (const part of says(folder)) expect(JSON.parse(ended.stdout).error.message, seen).toContain(part);
  const lines = ended.stderr.split('\n').filter((line) => line.startsWith('codebuddy: '));
  expect(lines, seen).toHaveLength(1);
  for (const part of says(folder)) expect(lines[0], seen).toContain(part);
  expect(ended.stderr, seen).not.toMatch(/^ +at /m);
  // The failed start left nothing half-written for a second one.
  if (existsSync(folder.home) && statSync(folder.home).isDirectory())
    expect(readdirSync(folder.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
}

describe.each([
  ['the user that runs the tests', undefined],
  ...(ordinary === undefined ? [] : [['an ordinary user', ordinary] as const]),
] as const)('as %s', (_name, uid) => {
  test.each(Object.entries(cases))('%s', (_case, one) => check(one, uid));
});

/** A separate file system; undefined if this user may not mount one. */
function mountDisk(folder: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  return true;
}

describe('on a disk', () => {
  test('that is full, the error names the key file, and no partial file is left', async ({ skip }) => {
    const folder = makeFolder();
    if (!mountDisk(folder.home, 'size=64k,mode=0700')) return skip('this user may not mount a tmpfs');
    writeFileSync(join(folder.home, 'ballast'), Buffer.alloc(64 * 1024 - 4096 * 2));
    try {
      for (let i = 0; i < 20; i++) writeFileSync(join(folder.home, `more-${i}`), Buffer.alloc(4096));
    } catch {
      // Full now.
    }
    const { code, stderr } = await serve(folder, [], {}, undefined);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `codebuddy: ${join(folder.home, 'api', 'api-key')} cannot be created: the disk is full (ENOSPC)`,
    );
    expect(readdirSync(join(folder.home, 'api')).filter((name) => name.startsWith('api-key'))).toEqual([]);
  });

  test('that is read-only, the error names the file', async ({ skip }) => {
    const folder = makeFolder();
    if (!mountDisk(folder.home, 'ro,mode=0700')) return skip('this user may not mount a tmpfs');
    const { code, stderr } = await serve(folder, [], {}, undefined);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `codebuddy: The config folder ${join(folder.home, 'api')} cannot be used: the disk is read-only (EROFS)`,
    );
  });
});

describe.skipIf(!isReadable)('without the file permissions', () => {
  test.each(Object.entries(ordinaryCases))('%s', (_case, one) => check(one, ordinary));
});
