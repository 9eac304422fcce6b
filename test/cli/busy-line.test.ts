// Commands that take longer than a second say so on a terminal, and nowhere else.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { serveModel } from './model-home.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal } from './terminal.ts';

/** A tool that runs until the file is there. */
const untilGo = ['tools', 'run', 'bash', 'command=until test -e go; do sleep 0.05; done; echo went'];

async function serveIn(home: string): Promise<() => void> {
  await serve(home, ['--workspace', home]);
  return () => writeFileSync(join(home, 'go'), '');
}

/** A server that takes connections and never answers. */
async function startSilence(): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe.skipIf(!hasTerminal)('on a terminal', () => {
  test('a command shows what it does and for how long, and replaces that with its output', async () => {
    const home = temporaryFolder();
    const go = await serveIn(home);
    const terminal = onTerminal(home, untilGo);
    await terminal.saw('Running the tool… 1 s');
    await terminal.saw('\r\x1b[KRunning the tool… 2 s');
    go();
    await terminal.saw('\r\x1b[K{');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain('went');
  });

  test('with --json, or in CI, nothing of it is shown', async () => {
    const home = temporaryFolder();
    const go = await serveIn(home);
    const asJson = onTerminal(home, [...untilGo, '--json']);
    const inCi = onTerminal(home, untilGo, { CI: 'true' });
    const shown = onTerminal(home, untilGo);
    await shown.saw('Running the tool… 2 s');
    go();
    for (const terminal of [asJson, inCi]) {
      await terminal.saw('went');
      expect(await terminal.ended).toBe(0);
      expect(terminal.text()).not.toContain('Running the tool');
      expect(terminal.text()).not.toContain('\x1b');
    }
  });

  test('a prompt waits for the agent, then for a tool', async () => {
    const { home, workspace } = await serveModel(
      [calls('bash', { command: 'until test -e go; do sleep 0.05; done' }), says('Done.')],
      { permissionMode: 'full' },
    );
    const terminal = onTerminal(home, ['prompt', 'wait']);
    await terminal.saw('· bash');
    await terminal.saw('bash… 1 s');
    writeFileSync(join(workspace, 'go'), '');
    await terminal.saw('Done.');
    expect(await terminal.ended).toBe(0);
  });

  test('a question of a prompt is not replaced', async () => {
    const { home } = await serveModel([calls('bash', { command: 'echo a' }), says('Done.')]);
    const terminal = onTerminal(home, ['prompt', 'ask']);
    await terminal.saw('[N]o: ');
    const before = terminal.text();
    // The same time on another terminal is enough for its line.
    const other = onTerminal(home, ['events', 'tail']);
    await other.saw('Waiting for events… 2 s');
    expect(terminal.text()).toBe(before);
    terminal.type('n\r');
    await terminal.saw('Done.');
    expect(await terminal.ended).toBe(0);
  });

  test('doctor names the checks that still run', async () => {
    const home = temporaryFolder();
    const port = await startSilence();
    const terminal = onTerminal(home, ['doctor', '--database', `postgres://me@127.0.0.1:${port}/none`]);
    await terminal.saw('Checking database');
    await terminal.saw(' s');
  });
});

test('without a terminal, only the output is written', async () => {
  const home = temporaryFolder();
  const go = await serveIn(home);
  const running = start(home, untilGo);
  // Another command that is slow, too.
  await run(home, ['tools', 'run', 'bash', 'command=sleep 1.5']);
  go();
  const { code, stderr } = await running.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
