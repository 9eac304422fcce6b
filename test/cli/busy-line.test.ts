// Commands that take longer than a second say so on a terminal, and nowhere else.

import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { serveModel } from './model-home.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal } from './terminal.ts';

/** The line begins with it. */
const eraseLine = '\r\x1b[K';

/** A tool that creates the file `mark`, and runs until the file `go` is there. */
const untilGo = (mark = 'mark') => [
  ...['tools', 'run', 'bash'],
  `command=touch ${mark}; until test -e go; do sleep 0.05; done; echo went`,
];

async function serveIn(home: string) {
  await serve(home, ['--workspace', home]);
  return {
    go: () => writeFileSync(join(home, 'go'), ''),
    running: (mark = 'mark') => waitFor('the tool', () => existsSync(join(home, mark))),
  };
}

/** The seconds that the line has shown. A busy machine leaves some out. */
function secondsOf(text: string, what: string): readonly string[] {
  return [...text.matchAll(new RegExp(`${what}… (\\d+) s`, 'g'))].map(([, seconds = '']) => seconds);
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
    const { go } = await serveIn(home);
    const terminal = onTerminal(home, untilGo());
    await waitFor('the line twice', () => secondsOf(terminal.text(), 'Running the tool').length > 1);
    expect(terminal.text()).toContain(`${eraseLine}Running the tool… `);
    go();
    await terminal.saw(`${eraseLine}{`);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain('went');
  });

  test('with --json, or in CI, nothing of it is shown', async () => {
    const home = temporaryFolder();
    const { go, running } = await serveIn(home);
    const asJson = onTerminal(home, [...untilGo('asJson'), '--json']);
    const inCi = onTerminal(home, untilGo('inCi'), { CI: 'true' });
    await Promise.all([running('asJson'), running('inCi')]);
    // The same time on another terminal is enough for its line.
    const shown = onTerminal(home, untilGo());
    await waitFor('the line', () => secondsOf(shown.text(), 'Running the tool').length > 0);
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
    await waitFor('the line', () => secondsOf(terminal.text(), 'bash').length > 0);
    writeFileSync(join(workspace, 'go'), '');
    await terminal.saw('Done.');
    expect(await terminal.ended).toBe(0);
  });

  test('a question of a prompt is not replaced', async () => {
    const { home } = await serveModel([calls('bash', { command: 'echo a' }), says('Done.')]);
    const terminal = onTerminal(home, ['prompt', 'ask']);
    await terminal.saw('[N]o: ');
    // The same time on another terminal is enough for its line.
    const other = onTerminal(home, ['events', 'tail']);
    await waitFor('the line', () => secondsOf(other.text(), 'Waiting for events').length > 0);
    // Only readline writes here: it moves the cursor behind the question.
    expect(terminal.text().split('[N]o: ')[1]).not.toContain(eraseLine);
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
  const { go, running } = await serveIn(home);
  const command = start(home, untilGo());
  await running();
  // Another command that is slow, too.
  await run(home, ['tools', 'run', 'bash', 'command=sleep 1.5']);
  go();
  const { code, stderr } = await command.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
