// `codebuddy mcp` as a real process on standard input and output, with the clients of the SDK.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { says } from '../agent/start-model-agent.ts';
import { startApp } from '../http/start-app.ts';
import { program } from '../program.ts';
import { waitFor } from '../wait-for.ts';

async function connect(era: 'modern' | 'legacy', home: string, ...args: string[]): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1' },
    era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : {},
  );
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [program, 'mcp', '--home', home, '--no-autostart', ...args],
      stderr: 'pipe',
    }),
  );
  onTestFinished(() => client.close());
  return client;
}

interface Talk {
  readonly lines: string[];
  write(text: string): void;
  /** Ends the input and returns the exit code. */
  end(): Promise<number | null>;
}

/** The bare process. */
function start(home: string, ...args: string[]): Talk {
  const child = spawn(process.execPath, [program, 'mcp', '--home', home, '--no-autostart', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stdin.on('error', () => undefined);
  return {
    lines,
    write: (text) => void child.stdin.write(text),
    async end() {
      child.stdin.end();
      const [code] = await exited;
      return code as number | null;
    },
  };
}

describe.each(['modern', 'legacy'] as const)('a %s client on standard input and output', (era) => {
  test('uses the agent, its tools and its resources', async () => {
    const { home, write } = await startApp();
    write('über.md', 'alpha');
    const client = await connect(era, home);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('prompt');
    const result = await client.callTool({ name: 'prompt', arguments: { prompt: 'list *.md' } });
    expect(result.content).toMatchObject([{ text: expect.stringContaining('über.md') }]);
    // The header that repeats the URI cannot have this letter.
    expect((await client.readResource({ uri: 'codebuddy://files/über.md' })).contents).toMatchObject([
      { text: 'alpha' },
    ]);
  });

  test('gets progress while a run works', async () => {
    const seen: string[] = [];
    // The model answers only when the client has the progress.
    const model = await startModelServer(async () => {
      await waitFor('progress', () => seen.includes('message.user'));
      return says('Done.');
    });
    const { home } = await startApp({
      config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await connect(era, home);
    await client.callTool(
      { name: 'prompt', arguments: { prompt: 'work' } },
      { onprogress: ({ message }) => seen.push(message ?? '') },
    );
    expect(seen.slice(0, 3)).toEqual(['session.start', 'run.queued', 'message.user']);
  });

  test('cancels a prompt', async () => {
    const model = await startModelServer([{ kind: 'silence' }]);
    const { home, client: rest } = await startApp({
      config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await connect(era, home);
    const cancel = new AbortController();
    const asked = client.callTool(
      { name: 'prompt', arguments: { prompt: 'work' } },
      { signal: cancel.signal },
    );
    asked.catch(() => undefined);
    await waitFor('the model to be asked', () => model.requests[0]);
    cancel.abort();
    await expect(asked).rejects.toThrow();
    await waitFor('the run to be cancelled', async () => {
      const { runs } = await rest.runs.list({ limit: 1 });
      return runs[0]?.status === 'cancelled';
    });
  });
});

test('lines that are not messages get errors, and the process continues', async () => {
  const { home } = await startApp();
  const talk = start(home);
  talk.write('hello\n[]\n\n');
  talk.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  await waitFor(
    'three answers',
    () => talk.lines.length >= 3,
    () => talk.lines,
  );
  expect(talk.lines.map((line) => JSON.parse(line)).sort((a, b) => (a.id ?? 0) - (b.id ?? 0))).toMatchObject([
    { id: null, error: { code: -32700 } },
    { id: null, error: { code: -32600 } },
    { id: 1, result: {} },
  ]);
  expect(await talk.end()).toBe(0);
});

test('a wrong key is told with each answer', async () => {
  const { home } = await startApp();
  const talk = start(home, '--api-key', 'wrong');
  talk.write('{"jsonrpc":"2.0","id":7,"method":"ping"}\n');
  await waitFor('an answer', () => talk.lines[0]);
  expect(JSON.parse(talk.lines[0] ?? '')).toMatchObject({
    id: 7,
    error: { code: -32603, message: expect.stringContaining('API key') },
  });
});

test('finds the server again after a restart at another port', async () => {
  const { app, home, workspace } = await startApp();
  const client = await connect('modern', home);
  await client.listTools();
  await app.stop();
  const failed = await client.listTools().catch((error: Error) => error.message);
  expect(failed).toMatch(/not running|cannot be reached|No server|refused/i);
  await startApp({ folder: workspace.replace(/workspace$/, '') });
  expect((await client.listTools()).tools.length).toBeGreaterThan(0);
});
