// Measures what the file history adds to commands in a large workspace: the first and a later call of `bash` that
// changes a file, beside the same command with child_process.spawn; what the history adds to the call, because a call
// without a session keeps none, beside two bare walks over the files; and a call of `write_file`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CodeBuddyClient } from '../src/client/index.ts';
import { type BenchResult, numberText, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { alternate, type Spread, spreadOf } from './rounds.ts';
import { startServer } from './server-process.ts';

const fileCount = 50_000;
const filesPerFolder = 10;
const foldersPerModule = 50;
const installedFiles = 5000;
const firstRounds = 3;
const laterRounds = 9;
/** The work that follows a start, such as looking at the workspace for the first time, is over by then. */
const settleMs = 4000;

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    writeTree(join(folder, 'workspace'));
    const workspace = join(folder, 'workspace');
    const firsts: number[] = [];
    for (let round = 1; round < firstRounds; round++)
      firsts.push((await measure(folder, workspace, 1)).first);
    const { first, later, added, write } = await measure(folder, workspace, laterRounds);
    const bare = later.bare.median;
    const ours = spreadOf([...firsts, first]);
    return {
      name: 'file-history',
      rows: [
        rowOf({
          what: `the first bash call in a workspace of ${wholeText(fileCount)} files / the command spawned`,
          measured: scaled(ours, 1 / bare),
          seen: `${wholeText(ours.median)} ms, bare ${numberText(bare)} ms`,
        }),
        rowOf({
          what: 'what it adds',
          measured: { median: ours.median - bare, min: ours.min - bare, max: ours.max - bare },
          unit: 'ms',
          target: { atMost: 3000 },
        }),
        rowOf({
          what: 'a later bash call there / the command spawned',
          measured: later.ratio,
          seen: `${wholeText(later.ours.median)} ms, bare ${numberText(bare)} ms`,
        }),
        rowOf({
          what: 'what the file history adds to it / two walks with readdir and lstat',
          measured: added.ratio,
          target: { atMost: 2 },
          seen: `${wholeText(added.ours.median)} ms, bare ${wholeText(added.bare.median)} ms`,
        }),
        rowOf({
          what: 'a write_file call there / writeFile',
          measured: write.ratio,
          seen: `${numberText(write.ours.median)} ms, bare ${numberText(write.bare.median)} ms`,
        }),
      ],
    };
  });
}

/** A repository with folders of sources and an ignored folder of packages. */
function writeTree(workspace: string): void {
  const files = new Map<string, string>();
  files.set('.gitignore', 'node_modules/\n*.log\n/dist/\n');
  for (let n = 0; n < fileCount; n++) {
    const folder = Math.floor(n / filesPerFolder);
    const path = `packages/p${Math.floor(folder / foldersPerModule)}/src/f${folder % foldersPerModule}`;
    files.set(`${path}/m${n}.ts`, `export const value${n} = ${n};\n`.repeat(20 + (n % 80)));
  }
  for (let n = 0; n < installedFiles; n++)
    files.set(`node_modules/p${n % 200}/m${n}.js`, 'module.exports = 1;\n');
  files.set('.git/HEAD', 'ref: refs/heads/main\n');
  files.set('.git/config', '[core]\n\tbare = false\n');
  for (const name of ['objects', 'refs']) mkdirSync(join(workspace, '.git', name), { recursive: true });
  const made = new Set<string>();
  for (const [path, content] of files) {
    const folder = join(workspace, path, '..');
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    writeFileSync(join(workspace, path), content);
  }
}

/** `rounds` of later calls after the first. */
async function measure(folder: string, workspace: string, rounds: number) {
  const server = await startServer({ folder, config: { permissionMode: 'full', sandbox: 'off' } });
  const client = new CodeBuddyClient({ home: server.home });
  const text = 'packages/p1/src/f1/changed.ts';
  const command = (n: number): string => `echo ${n} > ${text}`;
  try {
    await wait(settleMs);
    const { id: sessionId } = await client.sessions.create();
    const call = async (n: number, session?: string): Promise<number> => {
      const input = { command: command(n) };
      return timed(() =>
        client.tools.run('bash', input, session === undefined ? {} : { sessionId: session }),
      );
    };
    const spawned = (n: number): Promise<number> =>
      timed(() => once(spawn('bash', ['-c', command(n)], { cwd: workspace, stdio: 'ignore' }), 'exit'));
    // Without a history, so that all but the history is loaded before the first call that has one.
    await call(-1);
    const first = await call(0, sessionId);
    const later = await alternate(rounds, (n) => call(n + 1, sessionId), spawned);
    const added = await alternate(
      rounds,
      async (n) => (await call(n + 1, sessionId)) - (await call(n + 1)),
      async () => bareWalk(workspace) + bareWalk(workspace),
    );
    const content = 'export const value = 1;\n'.repeat(50);
    const path = (name: string): string => `packages/p1/src/f1/${name}.ts`;
    const write = await alternate(
      rounds,
      (n) =>
        timed(() =>
          client.tools.run('write_file', { path: path(`${sessionId}-${n}`), content }, { sessionId }),
        ),
      (n) => timed(() => writeFile(join(workspace, path(`bare-${n}`)), content)),
    );
    return { first, later, added, write };
  } finally {
    client.close();
    await server.stop();
  }
}

/** The least that a comparison of all files costs, in ms. */
function bareWalk(workspace: string): number {
  const startedAt = performance.now();
  const folders = [workspace];
  for (const folder of folders)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (!entry.isDirectory()) lstatSync(path);
      else if (entry.name !== '.git' && entry.name !== 'node_modules') folders.push(path);
    }
  return performance.now() - startedAt;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function scaled({ median, min, max }: Spread, factor: number): Spread {
  return { median: median * factor, min: min * factor, max: max * factor };
}

if (import.meta.main) printRows((await run()).rows);
