// A server without free file handles answers 503 and keeps running. Each test starts a real server, and takes away its
// right to open files.

import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { program } from '../program.ts';

const maxHandles = 96;
const apiKey = 'key-of-the-exhaustion-test';

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface LimitedServer {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly home: string;
  readonly url: string;
  post(path: string, body: unknown): Promise<Answer>;
  /** Sets how many handles the server may have; those that it has stay open. */
  limit(handles: number): void;
}

async function startLimited(config: Record<string, unknown> = {}): Promise<LimitedServer> {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-limited-'));
  const workspace = join(home, 'workspace');
  for (const folder of [workspace, join(home, 'api')]) mkdirSync(folder);
  // The trial of the sandbox would take and release handles meanwhile.
  writeFileSync(
    join(home, 'api', 'config.json'),
    JSON.stringify({ models: ['offline'], watch: false, sandbox: 'off', ...config }),
  );
  const command = `ulimit -n ${maxHandles} && exec "${process.execPath}" "${program}" serve --json --port 0`;
  const child = spawn('sh', ['-c', command], {
    env: {
      PATH: process.env.PATH,
      CODEBUDDY_HOME: home,
      CODEBUDDY_API_KEY: apiKey,
      NODE_NO_WARNINGS: '1',
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    },
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(async () => {
    agent.destroy();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(home, { recursive: true, force: true });
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the server ended:\n${errors}`)));
  ended.catch(() => undefined);
  const [first] = (await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), ended])) as [string];
  child.stdout.resume();
  const { url } = JSON.parse(first.split('\n')[0] as string) as { url: string };

  const post = (path: string, body: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      // On the open connection: the server cannot accept another.
      const sent = request(`${url}${path}`, {
        method: 'POST',
        agent,
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
      });
      sent.on('error', (cause) => reject(new Error(`${path}: ${cause.message}\n${errors}`)));
      sent.on('response', (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (part: string) => {
            text += part;
          })
          .on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      sent.end(JSON.stringify(body));
    });
  await post('/api/tools/list_directory', {});
  return {
    child,
    home,
    post,
    url,
    limit: (handles) =>
      void execFileSync('prlimit', [`--pid=${child.pid}`, `--nofile=${handles}:`], { stdio: 'ignore' }),
  };
}

const isLinux = process.platform === 'linux';

it.runIf(isLinux)(
  'without free file handles, the first bash is answered 503, and works again later',
  async () => {
    const server = await startLimited();
    server.limit(0);
    const refused = await server.post('/api/tools/bash', { command: 'echo hello' });
    expect(refused.status, refused.body).toBe(503);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'resources_exhausted' });
    expect(server.child.exitCode).toBeNull();
    server.limit(maxHandles);
    const done = await server.post('/api/tools/bash', { command: 'echo hello' });
    expect(done.status, done.body).toBe(200);
    expect(JSON.parse(done.body)).toMatchObject({ result: { exitCode: 0, stdout: 'hello\n' } });
  },
);

it.runIf(isLinux)(
  'without free file handles, starting an MCP server is answered 503, and works again later',
  async () => {
    const server = await startLimited({
      mcpServers: {
        files: {
          command: process.execPath,
          args: [
            fileURLToPath(
              new URL(
                '../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js',
                import.meta.url,
              ),
            ),
            tmpdir(),
          ],
        },
      },
    });
    server.limit(0);
    const refused = await server.post('/api/tools/files__list_allowed_directories', {});
    expect(refused.status, refused.body).toBe(503);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'resources_exhausted' });
    expect(server.child.exitCode).toBeNull();
    server.limit(maxHandles);
    const done = await server.post('/api/tools/files__list_allowed_directories', {});
    expect(done.status, done.body).toBe(200);
  },
);

it.runIf(isLinux).each([
  ['read_file', { path: 'a.txt' }],
  ['write_file', { path: 'b.txt', content: 'x' }],
  ['search', { pattern: 'x' }],
  ['glob', { pattern: '*' }],
  ['list_directory', {}],
])('without free file handles, %s is answered 503', async (tool, params) => {
  const server = await startLimited();
  writeFileSync(join(server.home, 'workspace', 'a.txt'), 'text');
  server.limit(0);
  const refused = await server.post(`/api/tools/${tool}`, params);
  expect(refused.status, refused.body).toBe(503);
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'resources_exhausted' });
  expect(server.child.exitCode).toBeNull();
});

it.runIf(isLinux)(
  'with fewer file handles than connections, closes the surplus, and works again later',
  async () => {
    const server = await startLimited();
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: maxHandles }, () => connect(Number(port), hostname).resume());
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    await new Promise((resolve) => {
      for (const socket of sockets) socket.on('error', () => undefined).once('close', resolve);
    });
    for (const socket of sockets) socket.destroy();
    await expect
      .poll(() => server.post('/api/tools/bash', { command: 'echo hello' }))
      .toMatchObject({ status: 200 });
    expect(server.child.exitCode).toBeNull();
  },
);
